"""Checks the plugin and the program's files in QGIS. Run by scripts/check_qgis.sh. Arguments: program, working folder, folder for pictures."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

from qgis.core import (
    QgsApplication,
    QgsGeometry,
    QgsMapRendererParallelJob,
    QgsMapSettings,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProject,
    QgsVectorLayer,
    QgsVectorLayerUtils,
)
from qgis.PyQt.QtCore import QSize
from qgis.PyQt.QtGui import QColor

program, work, pictures = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
QgsApplication.setPrefixPath(os.environ.get("QGIS_PREFIX_PATH", "/usr"), True)
application = QgsApplication([], False)
application.initQgis()
sys.path += [os.path.join(QgsApplication.pkgDataPath(), "python", "plugins"), str(Path(__file__).parents[1])]

from processing.core.ProcessingConfig import ProcessingConfig  # noqa: E402
from processing.core.Processing import Processing  # noqa: E402

Processing.initialize()
import minesegsat  # noqa: E402
from minesegsat.program import SETTING  # noqa: E402

plugin = minesegsat.classFactory(None)
plugin.initProcessing()
ProcessingConfig.setSettingValue(SETTING, program)

BACKGROUND = QColor("#ffee00")
problems = []


def expect(condition, words):
    print("ok  " if condition else "FAIL", words, flush=True)
    if not condition:
        problems.append(words)


class Feedback(QgsProcessingFeedback):
    """Keeps what a tool says."""

    def __init__(self):
        super().__init__(False)
        self.said = []
        self.steps = []
        self.progressChanged.connect(self.steps.append)

    def pushInfo(self, info):  # noqa: N802
        self.said.append(info)


def run(tool, parameters, feedback=None):
    """Runs a tool as the toolbox does. Returns its layers."""
    algorithm = QgsApplication.processingRegistry().createAlgorithmById(f"minesegsat:{tool}")
    context = QgsProcessingContext()
    context.setProject(QgsProject.instance())
    feedback = feedback or Feedback()
    answer, ok = algorithm.run(parameters, context, feedback, {}, False)
    if not ok:
        raise QgsProcessingException("the tool failed")
    store = context.temporaryLayerStore()
    for name in context.layersToLoadOnCompletion():
        QgsProject.instance().addMapLayer(store.takeMapLayer(store.mapLayer(name)))
    layers = [QgsProject.instance().mapLayer(name) for name in answer["LAYERS"]]
    expect(layers and all(layers), f"{tool}: all layers are in the project")
    return layers


def failure(tool, parameters, feedback=None):
    """The error that a tool fails with."""
    try:
        run(tool, parameters, feedback)
    except QgsProcessingException as error:
        return str(error)
    return ""


def draw(layer, name):
    """Draws a layer over a bright ground. Returns the share of the ground that stays visible."""
    settings = QgsMapSettings()
    settings.setLayers([layer])
    settings.setBackgroundColor(BACKGROUND)
    settings.setOutputSize(QSize(300, 300))
    settings.setDestinationCrs(layer.crs())
    extent = layer.extent()
    extent.scale(1.1)
    settings.setExtent(extent)
    job = QgsMapRendererParallelJob(settings)
    job.start()
    job.waitForFinished()
    image = job.renderedImage()
    image.save(str(pictures / f"{name}.png"))
    pixels = [image.pixelColor(x, y) for x in range(300) for y in range(300)]
    return sum(pixel == BACKGROUND for pixel in pixels) / len(pixels)


def check_classes(layer, name):
    """A raster of classes has names, and leaves the ground visible where there is no mine."""
    # The margin and clouds are a quarter of the picture.
    expect(0.5 < draw(layer, name) < 1, f"{name}: the map below stays visible where nothing is disturbed")
    labels = [entry.label for entry in layer.renderer().classes()]
    expect(len(labels) < 10 and not any(label.isdigit() for label in labels), f"{name}: classes have names: {labels[:6]}")


scene = {year: str(next((work / f"sim/{year}").glob("SIM_*"))) for year in (2020, 2022)}
for year, folder in scene.items():
    feedback = Feedback()
    layers = run("predict", {"FOLDER": folder, "OUTPUT": str(work / f"out/{year}")}, feedback)
    expect([layer.name() for layer in layers] == ["Disturbed land", "Mask", "Probability"], f"predict {year}: layers")
    expect(any("ha" in line for line in feedback.said), f"predict {year}: the words of the program are shown")
land, mask, probability = layers
expect(land.featureCount() > 0, "polygons")
area = land.attributeDisplayName(land.fields().indexOf("area_ha"))
expect(area == "Area (ha)", f"columns have names with units: {area}")
expect(0.2 < draw(land, "polygons") < 1, "polygons are drawn")
expect(land.renderer().dump().startswith("SINGLE") and "227,26,28" in land.renderer().dump(), "polygons have the colour of the map page")
draw(probability, "probability")
check_classes(mask, "mask")

gain, change = run(
    "change",
    {"BEFORE": str(work / "out/2020"), "AFTER": str(work / "out/2022"), "SITES": str(work / "sites.geojson"), "OUTPUT": str(work / "change")},
)
expect(0.2 < draw(gain, "change_polygons") < 1, "gain and loss are drawn")
check_classes(change, "change")

words = failure("predict", {"FOLDER": scene[2020], "OUTPUT": str(work / "out/2020")})
expect("exists" in words, f"a folder in use is refused with the words of the program: {words}")
words = failure("predict", {"OUTPUT": str(work / "none")})
expect("one scene" in words, f"no scene: {words}")
cancelled = Feedback()
threading.Timer(0.3, cancelled.cancel).start()
expect("Cancelled" in failure("predict", {"FOLDER": scene[2020], "OUTPUT": str(work / "none")}, cancelled), "a tool can be cancelled")
expect(not (work / "none" / "manifest.json").exists(), "a cancelled tool leaves no map")
ProcessingConfig.setSettingValue(SETTING, str(work / "sites.geojson"))
words = failure("register", {"REGISTER": str(work / "mines/sites.gpkg")})
expect("is not a program" in words, f"a wrong program is named: {words}")
ProcessingConfig.setSettingValue(SETTING, program)

register = work / "mines/sites.gpkg"
latest, sites, permits, observations = run("register", {"REGISTER": str(register)})
expect(0.2 < draw(sites, "sites") < 1, "sites are outlines; the map below stays visible")
expect(0.2 < draw(latest, "sites_latest") < 1, "sites with their verdicts are drawn")
relations = QgsProject.instance().relationManager().relations().values()
expect(len(relations) == 2 and all(relation.isValid() for relation in relations), "permits and observations belong to sites")

OUTLINE = "MultiPolygon(((-121 55,-120.9 55,-120.9 55.1,-121 55.1,-121 55)))"


def add(layer, outline="", **values):
    """Adds a feature as the form does. Returns what the form or the file objects to."""
    layer.startEditing()
    fields = layer.fields()
    geometry = QgsGeometry.fromWkt(outline) if outline else QgsGeometry()
    feature = QgsVectorLayerUtils.createFeature(layer, geometry, {fields.indexOf(name): value for name, value in values.items()})
    objections = []
    for index in range(fields.count()):
        objections += QgsVectorLayerUtils.validateAttribute(layer, feature, index)[1]
    if not objections:
        layer.addFeature(feature)
        if layer.commitChanges():
            return ""
        objections = layer.commitErrors()
    layer.rollBack()
    return " ".join(objections)


expect(permits.fields().field("site").editorWidgetSetup().type() == "ValueRelation", "the site of a permit is chosen from a list")
words = add(sites, OUTLINE, id="new-pit", name="New pit")
expect(words == "", f"a site is added without a status {words}")
words = add(permits, site="new-pit", number="N-1", valid_from="2024-01-01", limit_ha=5.0)
expect(words == "", f"its permit is added {words}")
for layer, words, values in (
    # The rules of the form, then those that only the file knows.
    (sites, "lower-case letters", {"outline": OUTLINE, "id": "New Pit", "name": "New"}),
    (sites, "name of the site", {"outline": OUTLINE, "id": "other", "name": " "}),
    (permits, "must not be before", {"site": "new-pit", "number": "N", "valid_from": "2014-05-01", "valid_to": "2013-01-01"}),
    (permits, "0 or more", {"site": "new-pit", "number": "N", "valid_from": "2014-05-01", "valid_to": "2014-06-01", "limit_ha": -1.0}),
    (permits, "overlap in time", {"site": "new-pit", "number": "N", "valid_from": "2024-05-01"}),
    (permits, "constraint failed", {"site": "nosite", "number": "N", "valid_from": "2024-05-01"}),
):
    found = add(layer, **values)
    expect(words in found, f"an edit is refused with `{words}`: {found[-150:]}")
sites.setSubsetString("id <> 'new-pit'")
run(
    "change",
    {"BEFORE": str(work / "out/2020"), "AFTER": str(work / "out/2022"), "SITES": sites.id(), "OUTPUT": str(work / "change_of_register")},
)
names = [site["name"] for site in json.loads((work / "change_of_register/manifest.json").read_text())["sites"]]
expect(names == ["West pit"], f"change: sites of a register, with the filter of the layer: {names}")
sites.setSubsetString("")
listed = subprocess.run([program, "sites", "list", "--register", str(register)], capture_output=True, text=True)
expect("new-pit" in listed.stdout and "N-1" in listed.stdout, "the program knows the new site and its permit")

if problems:
    print(f"{len(problems)} of the checks failed:", *problems, sep="\n", flush=True)
    os._exit(1)
print("All checks passed.")
# QGIS may crash while Python removes its objects.
sys.stdout.flush()
os._exit(0)
