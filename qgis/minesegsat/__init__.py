"""QGIS plugin of MineSegSAT. QGIS calls `classFactory`."""


def classFactory(iface):  # noqa: N802 (the name is set by QGIS)
    from .plugin import Plugin

    return Plugin(iface)
