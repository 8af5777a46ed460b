"""Adds the tools of MineSegSAT to the Processing toolbox, and a page of settings."""

from processing.core.ProcessingConfig import ProcessingConfig, Setting
from qgis.core import QgsApplication, QgsProcessingProvider

from .algorithms import ChangeOfTwoDates, MapScene, OpenRegister
from .program import SETTING


class Provider(QgsProcessingProvider):
    """The tools in the toolbox."""

    def id(self):
        return "minesegsat"

    def name(self):
        return "MineSegSAT"

    def load(self):
        ProcessingConfig.settingIcons[self.name()] = self.icon()
        ProcessingConfig.addSetting(
            Setting(self.name(), SETTING, "Program (empty: minesegsat on the PATH)", "", valuetype=Setting.FILE)
        )
        ProcessingConfig.readSettings()
        self.refreshAlgorithms()
        return True

    def unload(self):
        ProcessingConfig.removeSetting(SETTING)

    def loadAlgorithms(self):  # noqa: N802
        for algorithm in (MapScene, ChangeOfTwoDates, OpenRegister):
            self.addAlgorithm(algorithm())


class Plugin:
    """The plugin as QGIS sees it. `iface` is None without a window."""

    def __init__(self, iface):
        self.provider = None

    def initProcessing(self):  # noqa: N802
        self.provider = Provider()
        QgsApplication.processingRegistry().addProvider(self.provider)

    def initGui(self):  # noqa: N802
        self.initProcessing()

    def unload(self):
        if self.provider is not None:
            QgsApplication.processingRegistry().removeProvider(self.provider)
            self.provider = None
