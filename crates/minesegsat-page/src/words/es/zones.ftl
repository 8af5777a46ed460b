# The page of hectares by zone. $number: $count as it is written. $area: hectares without a unit, unless a message says so.

zones-title = Superficie alterada por la minería, por zona
zones-lead = { $count ->
    [one] { $number } zona, { $periods }, según el modelo { $model }
   *[other] { $number } zonas, { $periods }, según el modelo { $model }
}
zones-all = todas las zonas (cada lugar una vez)

# All zones together. $area has its unit.
zones-mapped-in-all = Cartografiada en todas las zonas
zones-of-seen = en { $area } visibles
zones-since-last = desde el último período que muestra el terreno
zones-outside-all-permits = Cartografiada fuera de todo permiso
zones-permits = { $count ->
    [one] { $number } permiso
   *[other] { $number } permisos
}

# The map. $area has its unit.
zones-share-heading = Parte de las zonas cartografiada como alterada, { $period }
zones-map = Mapa de las zonas
zones-map-label = Mapa de las zonas según su parte de superficie alterada. Las tablas tienen los números.
zones-on-map = { $zone }: { $area } cartografiadas, { $share }
zones-unseen-on-map = { $zone }: no vista
zones-none = ninguna
zones-not-seen = no vista

# The table of a period
zones-hectares = Hectáreas, { $period }
zones-zone = Zona
zones-seen = Visible
zones-share = Parte
zones-compared = Comparada
zones-permitted = Permitida
zones-outside-permits = Cartografiada fuera de los permisos
zones-of-area = de { $area }
zones-missing = { $area } sin mapa
zones-assumed = { $area } supuestas
zones-polygons = { $count ->
    [one] { $number } polígono
   *[other] { $number } polígonos
}

# Notes
zones-notes = Cómo leer estos números
zones-note-areas = Todas las superficies están en hectáreas sobre el elipsoide. Las zonas pueden superponerse. La fila de todas las zonas cuenta cada lugar una sola vez.
zones-note-mapped = Cartografiada: píxeles que las máscaras muestran como alterados. Se cuentan, por lo que no tienen intervalo.
zones-note-disturbed = Superficie alterada: suma de las probabilidades, con el intervalo del { $level } %. Incluye la superficie que se supone donde ninguna escena muestra el suelo. El intervalo trata el error del modelo como común a todas las teselas.
zones-note-change = Ganancia y pérdida: superficie cartografiada que apareció o desapareció desde el último período que muestra el lugar, en el terreno que tiene un período así (comparada). Son diferencias de dos mapas, y sobre todo ruido en superficies pequeñas.
zones-note-permits = Permisos: los que son válidos algún día del período y cuyo terreno está en la zona. La superficie fuera de los permisos no está en ninguno de ellos.
zones-copernicus = Contiene datos modificados de Copernicus Sentinel, salvo que las escenas sean simuladas.
