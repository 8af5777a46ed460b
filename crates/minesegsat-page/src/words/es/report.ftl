# Reports of single sites and of all sites.

# Headings and labels
disturbed-land-of = { $site }: superficie alterada
never-observed = nunca observado
last-observed-on = última observación: { $date }
key-numbers = Cifras principales
quantity = Magnitud
value = Valor
note = Nota
before-and-after = Antes y después
before = Antes: { $date }
after = Después: { $date }
picture-of = Imagen en color natural del sitio el { $date }, con contornos
no-picture = Todavía no hay ninguna imagen del sitio.
same-brightness = Las dos imágenes tienen la misma escala de brillo.
own-brightness = Cada imagen tiene su propia escala de brillo: los brillos no se pueden comparar.
north = N
over-time = Evolución
new-land = Cuándo se alteró el terreno
no-new-land = Ningún terreno se alteró entre { $first } y { $last }.
undisturbed-on = Última fecha sin alterar
disturbed-on = Primera fecha alterada
confirmed-column = Confirmado, ha
provisional-column = Provisional, ha
onset-picture = Terreno nuevo según la fecha de su alteración, del violeta ({ $first }) al amarillo pálido ({ $last }).
disagreeing = { $share } contradice el conjunto de fechas
observations = Observaciones
permits = Permisos
scenes = Escenas
method-and-limits = Método y límites
made-by = Elaborado el { $time } con { $software }
copernicus = Imágenes Sentinel-2: contiene datos modificados de Copernicus Sentinel.
page-of = { $page } de { $pages }
wording-of-the-record = Texto del registro, en inglés
no-proof = Este informe por sí solo no prueba un incumplimiento.
not-observed-yet = El sitio está en el registro, pero todavía no se ha observado.

# Status of a site
status-active = activo
status-planned = en proyecto
status-suspended = suspendido
status-closed = cerrado
status-reclaimed = restaurado

# Numbers
disturbed-land = Superficie alterada
disturbed-land-note = intervalo del { $level } %: { $lower } a { $upper } ha, el { $date }
estimated = Estimada en la parte visible
estimated-note = suma de las probabilidades
assumed = Supuesta en la parte no vista
assumed-note = no visto: { $share } del sitio
mapped = Cartografiada
mapped-note = píxeles por encima del umbral de probabilidad
limit = Límite
limit-of-permit = permiso { $number }
permit-unknown = número de permiso desconocido
no-limit-known = el registro no tiene ningún límite para esa fecha
outside-permit = Cartografiada fuera del área permitida
outside-permit-note = dentro del sitio
outside-site = Cartografiada fuera del sitio
outside-site-note = unida a superficie dentro del sitio
gain = Ganancia
loss = Pérdida
since = desde el { $date }
below-noise = { $ha } vistas, por debajo del ruido de { $floor }
below-noise-note = por debajo del ruido de { $floor }
no-earlier-date = no hay fecha anterior para comparar
share-seen = Parte visible del sitio
beyond-the-scenes = { $share } fuera de las escenas
not-assessable-on = no evaluable el { $date }

provisional = provisional

# Dates
# A date in a sentence.
date-written = { $day } de { $month ->
    [1] enero
    [2] febrero
    [3] marzo
    [4] abril
    [5] mayo
    [6] junio
    [7] julio
    [8] agosto
    [9] septiembre
    [10] octubre
    [11] noviembre
   *[12] diciembre
} de { $year }

# Outlines on pictures
outline-disturbed = superficie alterada en esa fecha
outline-gain = ganancia: superficie recién alterada, desde el { $date }
outline-loss = pérdida: ya no alterada desde el { $date }
outline-permit = área permitida
outline-boundary = límite del sitio

# The chart
chart-of-areas = Superficie alterada por fecha con intervalos, límite de los permisos, ganancia y pérdida. La tabla contiene las cifras.
axis-area = Superficie alterada (ha)
axis-change = Cambio (ha)
axis-date = Fecha de la observación
key-interval = intervalo del { $level } % de la superficie
key-limit = límite de los permisos del registro
axis-cut = El eje de superficies no empieza en cero.
nothing-to-draw = No hay nada que dibujar antes de la primera observación.
chart-limit = límite { $ha } ({ $permit })
chart-limit-short = límite { $ha }

# Tables
date = Fecha
area-and-interval = Superficie alterada e intervalo (ha)
verdict = Veredicto
share-column = Visible
limit-column = Límite (ha)
outside-column = Fuera del permiso y del sitio (ha)
gain-column = Ganancia (ha)
loss-column = Pérdida (ha)
observations-left-out = { $count ->
    [one] No se muestra una observación anterior. El informe HTML y las exportaciones la contienen.
   *[other] No se muestran { $count } observaciones anteriores. El informe HTML y las exportaciones las contienen.
}
permit = Permiso
valid-from = Válido desde
valid-to = Válido hasta
open-ended = sin fin
permitted-area = Área permitida
own-polygon = polígono propio
site-boundary = límite del sitio
document = Documento y su SHA-256
no-permit = No hay ningún permiso en el registro, así que no hay veredicto sobre un límite. Puede existir un permiso.
scene = Escena
cloud = Nubes, escena completa
baseline = Versión
scenes-left-out = { $count ->
    [one] No se muestra una escena de una fecha anterior.
   *[other] No se muestran { $count } escenas de fechas anteriores.
}
no-scene = No se conoce ninguna escena.

# Method
method-images = Imágenes de los satélites Sentinel-2, con píxeles de 10 metros. Una red neuronal estima para cada píxel la probabilidad de que su terreno esté alterado por la minería. Las probabilidades están calibradas.
method-interval = La superficie y su intervalo se calculan con estas probabilidades. Si son correctas, la superficie verdadera está dentro del intervalo en unos { $level } de cada 100 casos. El intervalo no tiene en cuenta un tipo de terreno que la red nunca aprendió.
method-change = Ganancia es terreno que está alterado ahora y no lo estaba en la fecha anterior. Pérdida es lo contrario, como terreno que las plantas vuelven a cubrir. Las diferencias por debajo del ruido de unas { $floor } se dan como ausencia de cambio.
method-change-without-floor = Ganancia es terreno que está alterado ahora y no lo estaba en la fecha anterior. Pérdida es lo contrario, como terreno que las plantas vuelven a cubrir. Las diferencias por debajo del ruido se dan como ausencia de cambio.
method-unseen = El terreno bajo nubes, en sombra o sin datos no se evalúa. Su parte de superficie alterada se supone, y siempre se indica.
method-limits = El informe muestra superficie alterada, y no quién es responsable de ella. La roca desnuda, los campos, los caminos y las orillas de los ríos pueden parecer una mina. Los límites son los del registro: puede faltar una revisión de un permiso. Por eso, una superación es un motivo para mirar más de cerca y preguntar, y no la prueba de un incumplimiento.
model = Modelo
weights = Pesos (SHA-256)
threshold = Umbral de probabilidad
confidence = Nivel de confianza
noise-floor = Ruido del cambio
software = Programa
boundary-sha256 = Límite del sitio (SHA-256)
corrected = El veredicto del { $date } se revisó el { $day }. Hasta entonces era: { $verdict }.

# All sites
register-of-sites = Registro de sitios
sites-in-register = { $count ->
    [one] { $count } sitio
   *[other] { $count } sitios
}
locations = Ubicaciones
map-of-sites = Posiciones de los sitios por longitud y latitud, con las formas de sus veredictos. La tabla contiene los mismos datos.
sites = Sitios
site = Sitio
last-observation = Última observación
share-of-limit = Parte usada del límite
no-site = El registro no tiene ningún sitio.

# HTML pages
satellite-picture = Imagen de satélite
divider = Separador entre antes (izquierda) y después (derecha); arrástrelo o use las flechas del teclado
divider-at = antes { $before }, después { $after }
shown-over-pictures = Mostrado sobre las imágenes
warnings-on-observation = Advertencias sobre esta observación
notes-on-register = Notas sobre el registro
last-assessable = Última observación evaluable, el { $date }: { $verdict }.
never-assessable = El sitio aún no se ha podido evaluar en ninguna fecha.
footnote = Según los permisos del registro: puede faltar una revisión del permiso.
from-to = { $from } a { $to }
parts-seen = { $estimated } estimadas; { $mapped } cartografiadas
parts-with-unseen = { $estimated } estimadas, { $assumed } supuestas en la parte no vista; { $mapped } cartografiadas
area-with-interval = Superficie alterada, intervalo
outside-permit-short = Fuera del permiso
outside-site-short = Fuera del sitio
limit-and-permit = Límite, permiso
permits-known = Estos son los permisos del registro.
offset = Desplazamiento de los valores digitales
offsets = Desplazamiento radiométrico de cada escena
numbers-of-chart = Las cifras de este gráfico
from-column = Desde (ha)
to-column = Hasta (ha)
seen-of-site = se vio el { $share } del sitio
permit-title = Permiso { $number }: como máximo { $ha }, desde el { $from } hasta el { $to }
permit-title-open = Permiso { $number }: como máximo { $ha }, desde el { $from }
indices = Plantas verdes, suelo desnudo y agua
indices-by-date = Medianas de los índices por fecha, dentro del sitio y alrededor. La tabla de abajo contiene las cifras.
index-ndvi = plantas verdes
index-bsi = suelo desnudo
index-ndwi = agua libre
index-inside = { $index } dentro del sitio
index-around = { $index } alrededor
median-inside = mediana dentro del sitio
median-around = mediana alrededor del sitio
method-images-heading = Qué se analizó
method-images-more = De los píxeles con 70 %, unos 70 de cada 100 eran superficie alterada en los datos de calibración.
method-interval-heading = Qué significa el intervalo
method-interval-more = Sí tiene en cuenta los errores comunes a píxeles vecinos.
method-change-heading = Ganancia, pérdida y ruido
method-change-more = Los mapas de dos fechas difieren un poco incluso en sitios donde no pasó nada.
method-unseen-more = Si se ve una parte demasiado pequeña de un sitio, no hay veredicto. Esto no significa que el sitio cumpla su límite.
verdicts-heading = Qué significan los veredictos
method-limits-heading = Lo que este informe no muestra
model-and-software = Modelo y programa
none-observed = ninguno observado aún
damaged-rows = Filas del registro que no se pueden usar
filter-words = Nombre, titular o sustancia
all-verdicts = todos
sites-shown = { $shown } de { $all } mostrados
how-to-read = Cómo leer este informe
how-to-read-text = Cada veredicto compara la última observación de un sitio con el permiso vigente ese día. La superficie se da con un intervalo; una posible superación significa que el límite está dentro de él. No evaluable no significa ni que el límite se cumpla ni que se supere. Los mapas muestran superficie alterada, y no quién es responsable de ella, y en el registro puede faltar una revisión de un permiso: una superación es un motivo para mirar más de cerca, y no la prueba de un incumplimiento. El informe de cada sitio explica cómo se obtuvieron sus cifras.
side-north = N
side-south = S
side-east = E
side-west = O
