# The map page of `minesegsat serve`. What is in backticks is shown as code.
# Numbers come with the marks of the language. Dates in sentences ($day) are written out, but for English; other dates are YYYY-MM-DD.

## Frame

skip-to-sites = Ir a los sitios
skip-to-map = Ir al mapa
views = Vistas
tab-sites = Sitios
tab-predictions = Predicciones
copy-link = Copiar enlace
copied = Copiado
link-copied = El enlace se ha copiado
link-prompt = Enlace a lo que se muestra
language = Idioma
language-reloads = La página se recarga en el idioma elegido
colours-system = Colores: los del sistema
colours-light = Colores: claros
colours-dark = Colores: oscuros
map = Mapa
map-height = Altura del mapa
map-share = { $share } para el mapa
loading = Cargando
loading-sites = Cargando los sitios
loading-map = Cargando el mapa
cancel = Cancelar
try-again = Reintentar
close-message = Cerrar este mensaje
# A failure: what it is of, then the reason.
failure-of = { $what }:

## Server

server-unreachable = No se puede contactar con el servidor. Compruebe que esté en marcha y vuelva a intentarlo.
server-status = El servidor respondió con el código { $status }
# Stands before words of the server, which are English.
server-says = Respuesta del servidor:
# Stands before the sentence of the register, which is English.
record-text = Texto del registro (en inglés):
token-asked = Este servidor pide un token de acceso
sites-failed = No se pueden cargar los sitios
token-enter = Introducir el token
token-heading = Token del servidor
token = Token
token-kept = Se conserva hasta que se cierre esta pestaña y solo se envía a este servidor.
token-use = Usar este token
token-wrong = El servidor no conoce este token. Compruébelo e inténtelo de nuevo.
token-for-jobs = Para ejecutar tareas, este servidor exige su token.

## Access: the caller's token, name and role

# $who is `access-operator-name` or the name of a user.
access-of = Acceso: { $who }
access-none-name = sin token
access-operator-name = token del servidor
access-heading = Su acceso
access-none = No ha dado ningún token. Se muestra lo que se puede leer, y se pide un token cuando hace falta.
access-operator = Usa el token del servidor, que tiene todos los derechos.
access-user = Usted es { $name }, con el rol `{ $role }`:
access-read = Lee todo.
access-order = Lee todo, busca escenas nuevas, ejecuta predicciones y las elimina.
access-register = Lee todo, busca escenas nuevas, ejecuta y elimina predicciones, y cambia sitios y permisos.
access-other = Usar otro token
access-forget = Olvidar el token
access-close = Cerrar
role-lacking = Usted es { $name }, con el rol `{ $role }`. Aquí hace falta el rol `{ $needed }`. El operador del servidor da los roles.

## Jobs

job-queued = En espera
job-running = En curso
job-done = Terminada
job-failed = Fallida
job-cancelled = Cancelada
job-progress = Progreso: { $title }
job-cancelling = Cancelación
jobs = Tareas
jobs-list = Lista de tareas
dismiss = Quitar

## List of sites

sites = Sitios
sites-list = Lista de sitios
sites-count =
    { $count ->
        [one] { $count } sitio
       *[other] { $count } sitios
    }
sites-shown =
    { $count ->
        [one] Se muestra { $count } sitio
       *[other] Se muestran { $count } sitios
    }
sites-of = { $shown } de { $all } sitios
sites-search = Buscar sitios por nombre, titular, sustancia, permiso o identificador, y en el mapa por posición
sites-search-hint = Nombre, titular, permiso, o lat, lon
sites-verdicts = Mostrar solo estos veredictos
sites-order = Ordenar por
order-attention = Prioridad de atención
order-used = Parte del límite utilizada
order-date = Última observación
order-name = Nombre
sites-none-left = Ningún sitio coincide
sites-none-left-why = Ningún sitio reúne todas las palabras de la búsqueda y uno de los veredictos elegidos.
sites-show-all = Mostrar todos los sitios
sites-none = Aún no hay sitios
sites-none-how = El registro de este espacio de trabajo está vacío. Para añadir sitios:
sites-none-reload = Después, recargue esta página.
of-limit = de { $limit }

## Posiciones

positions = Posiciones que la búsqueda puede indicar
position = { $lat }° { $lat-side }, { $lon }° { $lon-side }
side-north = N
side-south = S
side-east = E
side-west = O
position-go = Ir a { $position }
position-lat-lon = primero la latitud
position-lon-lat = primero la longitud
position-shown = El mapa muestra { $position }
position-mark = La posición { $position }
sites-none-near = Ningún sitio a menos de { $distance } km de esta posición.

## A site

all-sites = ← Todos los sitios
site-failed = No se puede mostrar este sitio
over-time = Evolución
observations = Observaciones
permits = Permisos
scenes = Escenas
no-permit = El registro no contiene ningún permiso, por lo que no se conoce ningún límite.
how-to-read = Cómo interpretar estos datos
how-to-read-text = Los mapas muestran la superficie alterada, no quién es responsable de ella. Una superación del límite es motivo para examinar el caso, no prueba de una infracción: es posible que falte en el registro una revisión del permiso. El informe explica cómo se obtuvieron las cifras.
last-observation = { $date }, última observación
monitor-looks = `minesegsat monitor run` busca escenas de este sitio.
observation-gone = Una observación de este enlace ya no existe; se muestra la última.
corrections = Correcciones
# The reason follows; it is English.
corrected = Veredicto revisado el { $day }; hasta entonces: { $verdict }. Motivo:
corrected-by = Cambiado por { $name }.
warnings = Advertencias

## Figures of an observation

disturbed-land = Superficie alterada
mapped = Cartografiada
mapped-note = píxeles enteros de la máscara
assumed = Supuesta
assumed-note = en la parte no vista
limit = Límite
permit-number = permiso { $permit }
gain = Ganancia
loss = Pérdida
since = desde el { $day }
below-noise = por debajo del ruido de { $floor }
outside-permit = Fuera del permiso
outside-permit-note = cartografiada dentro del sitio
outside-site = Fuera del sitio
outside-site-note = cartografiada, contigua a la del interior
seen-share = Parte vista del sitio
beyond-scenes = { $share } fuera de las escenas
disagrees-with-dates = Discrepa de todas las fechas
disagrees-note = de los píxeles vistos; una parte grande indica una fecha dudosa
shared-outline = Compartido con otros sitios
shared-note = del contorno; el terreno cuenta para cada sitio
change-below-noise = { $change } vistas, por debajo del ruido de { $floor }

## Tables

observations-caption = Observaciones del sitio, primero las más recientes
date = Fecha
verdict = Veredicto
disturbed-ha = Superficie alterada, ha
interval-ha = Intervalo, ha
interval-at-level-ha = Intervalo del { $level }, ha
limit-ha = Límite, ha
seen = Visto
disagrees = Discrepa
from-to = { $from } a { $to }
permits-caption = Permisos del sitio
permit = Permiso
from = Desde
to = Hasta
document = Documento
open-ended = sin vencimiento
scenes-caption = Escenas en que se basan las observaciones, primero las más recientes
scene = Escena
cloud-cover = Nubosidad
baseline = Versión de procesamiento
offset = Desplazamiento de reflectancia

## Chart

chart = El gráfico
chart-quantity = Qué muestra el gráfico
gain-and-loss = Ganancia y pérdida
chart-area-legend = Los símbolos son los veredictos, las barras verticales el intervalo, la línea discontinua el límite.
chart-change-legend = Ganancia hacia arriba, pérdida hacia abajo, desde la observación anterior.
chart-ndvi-legend = Vegetación; línea continua dentro del sitio, discontinua alrededor.
chart-bsi-legend = Suelo desnudo; línea continua dentro del sitio, discontinua alrededor.
chart-ndwi-legend = Agua; línea continua dentro del sitio, discontinua alrededor.
chart-label = { $quantity } por fecha. { $legend } Los valores figuran en la tabla de observaciones.
reading-change = { $date }: ganancia { $gain }, pérdida { $loss }
reading-index = { $date }: { $inside } dentro, { $around } alrededor
reading-area = { $date }: { $area } ({ $interval }), { $verdict }
reading-unseen = { $date }: se vio el { $share } del sitio, { $verdict }

## Report and downloads

downloads = Informe y descargas
report = Informe
# Follows `report`, for screen readers.
opens-in-tab = (se abre en otra pestaña)
evidence-pack = Paquete de pruebas del { $day }
report-pdf = Informe en PDF
more-files = Más archivos
files-of-land = Superficie alterada de todas las fechas
files-of-day = Rásteres del { $day }
files-of-site = Sitio, permisos y observaciones
raster-mask = Superficie cartografiada (GeoTIFF)
raster-probability = Probabilidad (GeoTIFF)
raster-change = Cambio (GeoTIFF)
raster-onset = Fechas de la alteración (GeoTIFF)
raster-state = Estado en todas las fechas (GeoTIFF)
downloaded = Descargado: { $what }

## Looking for new scenes

look = Buscar escenas nuevas
looking = Búsqueda de escenas nuevas
look-started = La búsqueda de escenas nuevas ha comenzado
look-searching = búsqueda
look-cancelled = La búsqueda se ha cancelado.
look-found =
    { $count ->
        [one] { $count } observación nueva
       *[other] { $count } observaciones nuevas
    }
# $found is `look-found`, $sites is `sites-count`.
look-found-at = { $found } en { $sites }
look-nothing-new = Nada nuevo desde el { $day }
look-no-scene = No se encontró ninguna escena que muestre el sitio

## Dates on the map

dates = Fechas
before = Antes
after = Después
compare = Antes: comparar con una fecha anterior
before-earlier = Fecha anterior para «antes»
before-later = Fecha posterior para «antes»
after-earlier = Fecha anterior para «después»
after-later = Fecha posterior para «después»
none-earlier = ninguna fecha anterior
date-reading = { $date }, { $area } de superficie alterada, { $verdict }
date-said = { $date }: { $area } de superficie alterada, { $verdict }
divider = Separador entre antes y después
divider-at = antes { $before }, después { $after }

## Map

map-help = Mapa. Las flechas lo mueven, más y menos cambian la escala. La lista contiene los mismos sitios.
map-no-webgl = No se puede dibujar el mapa, porque este navegador no tiene WebGL. Las listas, cifras, tablas y descargas funcionan sin él.
zoom-in = Acercar
zoom-out = Alejar
attribution-toggle = Mostrar u ocultar las fuentes
print-map = Imprimir el mapa
print-dates = Izquierda: { $before }. Derecha: { $after }.
print-made = Impreso el { $day } desde { $workspace }. Centro del mapa: { $position }.
coastlines = Líneas de costa
coastlines-failed = no se pudieron cargar las líneas de costa ({ $status })
outlines-of-disturbed = Contornos de la superficie alterada
prediction-polygons = Polígonos de la predicción

## Layers and legends

layers = Capas
picture = Imagen
picture-opacity = Opacidad de la imagen
picture-true-colour = Color natural
picture-false-colour = Falso color, infrarrojo
picture-swir = Infrarrojo de onda corta
picture-ndvi = NDVI, vegetación
picture-bsi = BSI, suelo desnudo
picture-ndwi = NDWI, agua
picture-none = Sin imagen
overlay = Capa superpuesta
overlay-opacity = Opacidad de la capa superpuesta
overlay-none = Ninguna
overlay-probability = Probabilidad de superficie alterada
overlay-mask = Superficie alterada
overlay-change = Ganancia y pérdida desde la fecha anterior
overlay-change-since-first = Ganancia y pérdida desde la primera fecha
overlay-onset = Fecha de la alteración
outlines = Contornos
outline-disturbed = Superficie alterada
outline-gain = Ganancia
outline-loss = Pérdida
outline-permit = Permiso
outline-boundary = Sitio
changes-since = Ganancia y pérdida desde el { $day }.
legend = Leyenda: { $title }
legend-bar = Escala de colores de { $low }, { $low-words }, pasando por { $middle }, a { $high }, { $high-words }
legend-low = bajo
legend-high = alto
legend-ndvi-low = agua, suelo desnudo
legend-ndvi-high = vegetación
legend-bsi-low = vegetación
legend-bsi-high = suelo desnudo
legend-ndwi-low = terreno seco
legend-ndwi-high = agua libre
legend-probability-low = no alterada
legend-probability-high = alterada
legend-onset-low = primera fecha
legend-onset-high = última fecha
class-disturbed = Superficie alterada
class-gain = Ganancia, alteración nueva
class-loss = Pérdida, ya no alterada
class-stable = Alterada en ambas fechas
class-not-assessable = No evaluable
note-false-colour = La vegetación se ve roja; el suelo desnudo, de gris a verde azulado.
note-swir = La vegetación se ve verde; la roca y el suelo desnudos, de violeta a blanco.

## Predictions

predictions = Predicciones
prediction = Predicción
prediction-of = La predicción
predictions-lead = Cartografía la superficie alterada en un rectángulo, con la escena más despejada entre dos fechas.
predictions-off = Este servidor no ejecuta tareas. Las predicciones que `minesegsat predict` escribe en el espacio de trabajo figuran abajo.
predictions-here = En este espacio de trabajo
predictions-none = Aún no hay predicciones.
prediction-run = Ejecutar la predicción
prediction-started = La predicción ha comenzado
prediction-not-started = La predicción no ha comenzado: hay campos que corregir.
prediction-show = Mostrar en el mapa
prediction-shown = La predicción { $name } está en el mapa
prediction-gone = `{ $name }` no está en el espacio de trabajo
prediction-bounds = Esquinas
prediction-created = Hecha
prediction-remove = Eliminar la predicción
prediction-remove-sure = ¿Eliminar la predicción { $name } con sus archivos? No se puede deshacer. La escena descargada permanece en `scenes/{ $name }`.
prediction-removed = La predicción { $name } está eliminada
box-draw = Dibujar un rectángulo en el mapa
box-stop = Dejar de dibujar
box-help = Arrastre sobre el mapa para dibujar un rectángulo. Escape lo interrumpe. Los bordes también se pueden escribir.
box-drawing = Dibujo
box-extent = Usar la extensión del mapa
box-degrees = Rectángulo, en grados
box-none = Aún no hay rectángulo.
box-size = Rectángulo de { $area } km².
field-west = Oeste
field-south = Sur
field-east = Este
field-north = Norte
field-from = Desde
field-to = Hasta
field-max-cloud = Nubosidad máxima, %
wrong-degrees = Grados de −{ $most } a { $most }
wrong-east = Debe estar al este del borde oeste
wrong-north = Debe estar al norte del borde sur
wrong-date = Una fecha como 2024-07-31
wrong-to = No debe ser anterior al primer día
wrong-cloud = Porcentaje de 0 a 100

## Cambios de sitios y permisos

site-add = Añadir un sitio
site-edit = Editar el sitio
site-edit-of = Editar { $name }
site-remove = Eliminar el sitio
site-remove-sure = ¿Eliminar { $name } del registro, con { $permits } y { $observations }? También desaparecen sus veredictos y el historial de estos. No se puede deshacer. Los archivos de las observaciones permanecen en el espacio de trabajo.
site-removed = { $name } está eliminado
site-remove-conflict = El sitio ha cambiado desde que se mostró, así que no se eliminó nada. Compruébelo e inténtelo de nuevo.
permits-count =
    { $count ->
        [0] ningún permiso
        [one] { $count } permiso
       *[other] { $count } permisos
    }
observations-count =
    { $count ->
        [0] ninguna observación
        [one] { $count } observación
       *[other] { $count } observaciones
    }
permit-add = Añadir un permiso
permit-add-to = Añadir un permiso a { $name }
permit-change = Cambio
permit-withdraw = Retirar
permit-withdraw-of = Retirar el permiso { $permit }
permit-withdraw-sure = ¿Retirar el permiso { $permit }? Los veredictos de los días en que regía se emitirán de nuevo.
permit-withdrawn = El permiso { $permit } está retirado
permit-judges-again = Este permiso cambia veredictos de observaciones guardadas. Todavía no se guardó nada. ¿Guardarlo de todos modos?
permit-store-anyway = Guardarlo de todos modos
permit-field-number = Número del permiso
permit-field-from = Primer día
permit-field-to = Último día, si se conoce
permit-field-limit = Límite en hectáreas, si lo hay
permit-supersede = El permiso { $permit } termina el día anterior
editor-name = Nombre
editor-operator = Titular
editor-commodity = Sustancia
editor-status = Estado
editor-id = Identificador
editor-id-hint = se forma del nombre si está vacío
editor-save = Guardar
editor-saved = { $name } está guardado
editor-not-saved = No se guardó nada: algunos campos necesitan otro valor.
editor-leave = ¿Salir sin guardar?
editor-id-taken = Otro sitio tiene este identificador. Indique otro.
editor-too-large = El contorno es demasiado grande para este servidor.
editor-read-only = Este servidor es de solo lectura.
editor-gone = Este sitio ya no está en el registro.
conflict = Otra persona cambió este sitio después de que usted lo abrió. No se guardó nada.
conflict-value = { $what } es ahora { $value }
conflict-outline = El contorno ha cambiado.
conflict-permits = Los permisos han cambiado.
conflict-theirs = Empezar de nuevo con los valores actuales
conflict-mine = Guardar mis valores de todos modos
step-outline = Indique primero el contorno del sitio.
step-name = Ahora indique el nombre del sitio.
step-save = Compruebe el contorno en el mapa y guarde. Después puede añadir un permiso con su límite.
step-edit = Cambie lo que esté mal y guarde. Un contorno nuevo solo vale para las observaciones posteriores.
step-permit = Indique número, primer día y límite. Los veredictos de los días en que rige se emitirán de nuevo.
outline-boundary-of = Contorno
outline-draw = Dibujar en el mapa
outline-corners = Mover esquinas
outline-take-site = Empezar con el contorno del sitio
outline-take-permit = Empezar con el contorno de { $permit }
outline-file = Elegir un archivo GeoJSON
outline-formats = Un archivo GeoJSON también se puede soltar sobre la página. GeoPackage, Shapefile, KML, FlatGeobuf, GeoParquet y CSV se importan con `minesegsat sites import FILE`, también con muchos sitios.
outline-none = Aún no hay contorno.
outline-none-permit = Sin contorno propio, el permiso rige en el contorno del sitio.
outline-area = Contorno de unas { $area }.
outline-read =
    { $count ->
        [one] De { $name }: un polígono.
       *[other] De { $name }: { $count } polígonos, que forman un contorno.
    }
outline-others =
    { $count ->
        [one] Se omite un punto o una línea.
       *[other] Se omiten { $count } puntos o líneas.
    }
draw-first = Haga clic en la primera esquina del contorno.
draw-first-keys = Con el teclado: las flechas mueven el mapa, la barra espaciadora pone una esquina en su centro. Escape termina.
draw-next =
    { $count ->
        [one] Hay una esquina. Haga clic en la siguiente; hacen falta tres.
       *[other] Hay { $count } esquinas. Haga clic en la siguiente; hacen falta tres.
    }
draw-more = Hay { $count } esquinas. Siga, o termine.
draw-more-keys = Doble clic o Intro termina, Retroceso quita la última esquina.
draw-undo = Quitar una esquina
draw-finish = Terminar
corners-help = Arrastre una esquina para moverla, o el centro de un lado para añadir una.
corners-touch = Mantenga pulsada una esquina para eliminarla.
corners-keys = Teclas: Re Pág y Av Pág eligen una esquina, las flechas la mueven (más lejos con Mayús), + añade una, Supr la elimina, Intro termina, Escape abandona.
corners-too-many = El contorno tiene { $count } esquinas y aquí se pueden mover { $most } como máximo. Dibuje de nuevo el contorno o elija un archivo cambiado.
corner-of = Esquina { $number } de { $count }, { $position }
corner-previous = Esquina anterior
corner-next = Esquina siguiente
corner-add = Añadir una esquina
corner-remove = Eliminar la esquina
corner-least = La esquina se queda: un contorno necesita tres.
corner-undo = Deshacer
corner-done = Hecho
file-other-format = `{ $name }` no se lee aquí, solo GeoJSON (.geojson, .json). El programa importa GeoPackage, Shapefile, KML, FlatGeobuf, GeoParquet y CSV: `minesegsat sites import FILE`.
file-too-large = `{ $name }` tiene { $size } MB y esta página lee como máximo { $most } MB. El programa lee archivos más grandes: `minesegsat sites import FILE`.
file-not-json = El archivo no es JSON, así que no es GeoJSON.
file-no-polygon = El archivo tiene puntos o líneas y ningún polígono. Un contorno necesita un polígono.
file-nothing = El archivo no tiene ningún polígono. Un contorno necesita un polígono de GeoJSON.
file-no-position = Un polígono del archivo tiene muy pocas posiciones, o una que no son dos números.
file-not-degrees = La posición { $x }, { $y } no es una longitud y una latitud en grados. El programa lee archivos en otras coordenadas: `minesegsat sites import FILE`.
wrong-name = Un sitio necesita un nombre
wrong-id = Minúsculas, cifras, -, _ y ., primero una letra o cifra, 64 como máximo
wrong-number = Un permiso necesita un número
wrong-limit = Hectáreas, 0 o más
