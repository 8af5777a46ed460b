"""The tools: each calls the program once, and adds the files that it wrote to the map."""

import os

from qgis.core import (
    QgsEditorWidgetSetup,
    QgsProcessing,
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingOutputMultipleLayers,
    QgsProcessingParameterFile,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterString,
    QgsProcessingParameterVectorLayer,
    QgsProject,
    QgsRasterLayer,
    QgsRelation,
    QgsVectorLayer,
)

from .program import run


class _Tool(QgsProcessingAlgorithm):
    """What the tools share. `TITLE` is its name for people, `NAME` its name for programs, `HELP` its explanation."""

    def name(self):
        return self.NAME

    def displayName(self):  # noqa: N802
        return self.TITLE

    def shortHelpString(self):  # noqa: N802
        return self.HELP

    def createInstance(self):  # noqa: N802
        return type(self)()

    def _add(self, context, layers):
        """Adds layers to the map when the tool has ended. The first is drawn on top."""
        project = context.project()
        for layer in reversed(layers):
            if not layer.isValid():
                raise QgsProcessingException(f"QGIS cannot open {layer.source()}.")
            context.temporaryLayerStore().addMapLayer(layer)
            if project is not None:
                details = QgsProcessingContext.LayerDetails(layer.name(), project, "")
                context.addLayerToLoadOnCompletion(layer.id(), details)
        return [layer.id() for layer in layers]


def _rasters(folder, names):
    return [QgsRasterLayer(os.path.join(folder, file), name) for file, name in names]


def _vector(path, layer, name):
    return QgsVectorLayer(f"{path}|layername={layer}", name, "ogr")


def _path_of(layer):
    """File of a raster layer."""
    return layer.source().split("|")[0]


class MapScene(_Tool):
    NAME = "predict"
    TITLE = "Map mining-disturbed land"
    HELP = (
        "Maps land that mining has disturbed in a Sentinel-2 scene. The scene is a folder of band files, a SAFE product, "
        "a zip file or a STAC item, or a raster layer with several bands. Calls `minesegsat predict`."
    )

    def initAlgorithm(self, configuration=None):  # noqa: N802
        optional = True
        self.addParameter(
            QgsProcessingParameterFile("FOLDER", "Scene: folder", QgsProcessingParameterFile.Folder, optional=optional)
        )
        self.addParameter(QgsProcessingParameterFile("FILE", "Scene: file (.zip, .tif, STAC item .json)", optional=optional))
        self.addParameter(QgsProcessingParameterRasterLayer("LAYER", "Scene: raster layer", optional=optional))
        self.addParameter(
            QgsProcessingParameterString("BANDS", "Bands in file order, if the file does not name them (B02,B03,B04)", optional=optional)
        )
        self.addParameter(
            QgsProcessingParameterFile("MODEL", "Model (empty: the model in the program)", QgsProcessingParameterFile.Folder, optional=optional)
        )
        self.addParameter(QgsProcessingParameterNumber("MIN_AREA", "Smallest polygon, in square metres", defaultValue=1000, minValue=0))
        self.addParameter(QgsProcessingParameterFolderDestination("OUTPUT", "Output folder"))
        self.addOutput(QgsProcessingOutputMultipleLayers("LAYERS", "Layers"))

    def processAlgorithm(self, parameters, context, feedback):  # noqa: N802
        layer = self.parameterAsRasterLayer(parameters, "LAYER", context)
        given = [self.parameterAsString(parameters, "FOLDER", context), self.parameterAsString(parameters, "FILE", context)]
        given = [path for path in [*given, _path_of(layer) if layer else ""] if path]
        if len(given) != 1:
            raise QgsProcessingException("Give one scene: a folder, a file or a raster layer.")
        output = self.parameterAsString(parameters, "OUTPUT", context)
        minimum = self.parameterAsDouble(parameters, "MIN_AREA", context)
        arguments = ["predict", given[0], "-o", output, "--format", "gpkg", "--min-area", repr(minimum)]
        for option, name in (("--bands", "BANDS"), ("--model", "MODEL")):
            value = self.parameterAsString(parameters, name, context)
            if value:
                arguments += [option, value]
        run(arguments, feedback)
        layers = [
            _vector(os.path.join(output, "polygons.gpkg"), "mining", "Disturbed land"),
            *_rasters(output, [("mask.tif", "Mask"), ("probability.tif", "Probability")]),
        ]
        return {"OUTPUT": output, "LAYERS": self._add(context, layers)}


class ChangeOfTwoDates(_Tool):
    NAME = "change"
    TITLE = "Change between two dates"
    HELP = (
        "Maps gain and loss of disturbed land between two dates. A date is an output folder of `Map mining-disturbed land`, "
        "or the folder of a scene. Calls `minesegsat change`."
    )

    def initAlgorithm(self, configuration=None):  # noqa: N802
        folder = QgsProcessingParameterFile.Folder
        self.addParameter(QgsProcessingParameterFile("BEFORE", "Earlier date", folder))
        self.addParameter(QgsProcessingParameterFile("AFTER", "Later date", folder))
        self.addParameter(
            QgsProcessingParameterVectorLayer("SITES", "Sites, for results per site", [QgsProcessing.TypeVectorPolygon], optional=True)
        )
        self.addParameter(QgsProcessingParameterFolderDestination("OUTPUT", "Output folder"))
        self.addOutput(QgsProcessingOutputMultipleLayers("LAYERS", "Layers"))

    def processAlgorithm(self, parameters, context, feedback):  # noqa: N802
        before = self.parameterAsString(parameters, "BEFORE", context)
        after = self.parameterAsString(parameters, "AFTER", context)
        output = self.parameterAsString(parameters, "OUTPUT", context)
        arguments = ["change", before, after, "-o", output]
        if self.parameterAsVectorLayer(parameters, "SITES", context):
            # QGIS exports a scratch layer, a filtered layer and every other format: such a file may have several layers.
            sites = self.parameterAsCompatibleSourceLayerPath(parameters, "SITES", context, ["geojson", "json", "shp"], "geojson", feedback)
            arguments += ["--sites", sites]
        run(arguments, feedback)
        layers = [
            _vector(os.path.join(output, "change.gpkg"), "mining_change", "Gain and loss"),
            *_rasters(output, [("change.tif", "Change")]),
        ]
        return {"OUTPUT": output, "LAYERS": self._add(context, layers)}


class OpenRegister(_Tool):
    NAME = "register"
    TITLE = "Open a register"
    HELP = (
        "Opens the sites, permits and observations of a register (`sites.gpkg`), and joins them by the id of the site. "
        "Calls `minesegsat sites list` first, which checks the file."
    )

    def initAlgorithm(self, configuration=None):  # noqa: N802
        self.addParameter(QgsProcessingParameterFile("REGISTER", "Register", extension="gpkg"))
        self.addOutput(QgsProcessingOutputMultipleLayers("LAYERS", "Layers"))

    def processAlgorithm(self, parameters, context, feedback):  # noqa: N802
        register = self.parameterAsString(parameters, "REGISTER", context)
        run(["sites", "list", "--register", register], feedback)
        self.register = register
        return {}

    def postProcessAlgorithm(self, context, feedback):  # noqa: N802
        """Adds layers and relations to the project. Only the main thread may change it, and a relation needs both layers."""
        project = context.project() or QgsProject.instance()
        names = [("sites_latest", "Sites, as last seen"), ("sites", "Sites"), ("permits", "Permits"), ("observations", "Observations")]
        layers = [_vector(self.register, table, name) for table, name in names]
        for layer in layers:
            if not layer.isValid():
                raise QgsProcessingException(f"QGIS cannot open {layer.source()}.")
        _, sites, permits, observations = layers
        # A permit is given to one of the sites in a list.
        choice = QgsEditorWidgetSetup("ValueRelation", {"Layer": sites.id(), "Key": "id", "Value": "name", "OrderByValue": True})
        permits.setEditorWidgetSetup(permits.fields().indexOf("site"), choice)
        # What is added last is drawn on top.
        for layer in layers:
            project.addMapLayer(layer)
        for name, layer in (("Permits", permits), ("Observations", observations)):
            relation = QgsRelation()
            relation.setId(f"minesegsat_{layer.id()}")
            relation.setName(f"{name} of the site")
            relation.setReferencedLayer(sites.id())
            relation.setReferencingLayer(layer.id())
            relation.addFieldPair("site", "id")
            project.relationManager().addRelation(relation)
        return {"LAYERS": [layer.id() for layer in layers]}
