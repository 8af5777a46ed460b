# The page of hectares by zone. $number: $count as it is written. $area: hectares without a unit, unless a message says so.

zones-title = Terres perturbées par l’exploitation minière, par zone
zones-lead = { $count ->
    [one] { $number } zone, { $periods }, d’après le modèle { $model }
   *[other] { $number } zones, { $periods }, d’après le modèle { $model }
}
zones-all = toutes les zones (chaque lieu une fois)

# All zones together. $area has its unit.
zones-mapped-in-all = Cartographiées dans toutes les zones
zones-of-seen = sur { $area } visibles
zones-since-last = depuis la dernière période qui montre le terrain
zones-outside-all-permits = Cartographiées hors de tout permis
zones-permits = { $count ->
    [one] { $number } permis
   *[other] { $number } permis
}

# The map. $area has its unit.
zones-share-heading = Part des zones cartographiée comme perturbée, { $period }
zones-map = Carte des zones
zones-map-label = Carte des zones selon leur part de terres perturbées. Les tableaux donnent les chiffres.
zones-on-map = { $zone } : { $area } cartographiés, { $share }
zones-unseen-on-map = { $zone } : non vue
zones-none = aucune
zones-not-seen = non vue

# The table of a period
zones-hectares = Hectares, { $period }
zones-zone = Zone
zones-seen = Visibles
zones-share = Part
zones-compared = Comparées
zones-permitted = Autorisées
zones-outside-permits = Cartographiées hors des permis
zones-of-area = sur { $area }
zones-missing = { $area } sans carte
zones-assumed = { $area } supposés
zones-polygons = { $count ->
    [one] { $number } polygone
   *[other] { $number } polygones
}

# Notes
zones-notes = Comment lire ces chiffres
zones-note-areas = Toutes les surfaces sont en hectares sur l’ellipsoïde. Les zones peuvent se chevaucher. La ligne de toutes les zones compte chaque lieu une seule fois.
zones-note-mapped = Cartographiées : pixels que les masques montrent comme perturbés. Ils sont comptés, donc sans intervalle.
zones-note-disturbed = Terres perturbées : somme des probabilités, avec l’intervalle à { $level } %. Elle comprend les terres supposées là où aucune scène ne montre le sol. L’intervalle considère l’erreur du modèle comme commune à toutes les tuiles.
zones-note-change = Gain et perte : terres cartographiées apparues ou disparues depuis la dernière période qui montre le lieu, parmi les terres qui ont une telle période (comparées). Ce sont des différences entre deux cartes, et surtout du bruit sur les petites surfaces.
zones-note-permits = Permis : ceux qui sont valables un jour de la période et dont le terrain se trouve dans la zone. Les terres hors des permis ne se trouvent dans aucun d’eux.
zones-copernicus = Contient des données Copernicus Sentinel modifiées, sauf si les scènes sont simulées.
