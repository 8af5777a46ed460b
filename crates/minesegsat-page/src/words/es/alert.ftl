# Alerts by mail.
# $site: name of a site. $ha, $limit: hectares with their unit. $day, $since: dates, written out. $title: `alert-title`.

## Subject and lead

alert-subject = { $count } hallazgos, primero { $title }
alert-title = { $site }: { $what }, { $day }
alert-title-without-day = { $site }: { $what }
# There are two findings or more.
alert-lead = { $sites ->
    [one] { $count } hallazgos en un sitio.
   *[other] { $count } hallazgos en { $sites } sitios.
}

## What was found

alert-provisional = { $what } (provisional)
alert-confirmed = { $what } (confirmado)
alert-withdrawn = retirado: { $what }
alert-exceeded = límite superado
alert-exceeded-limit = límite de { $limit } superado
alert-possible-exceedance = posible superación del límite
alert-possible-exceedance-limit = posible superación del límite de { $limit }
alert-outside-permit = posible alteración fuera del permiso, { $ha }
alert-gain = { $ha } de nueva superficie alterada
alert-gain-since = { $ha } de nueva superficie alterada desde el { $since }
alert-not-assessable = ninguna imagen útil
alert-not-assessable-since = ninguna imagen útil desde el { $since }
# $before, $now: short names of verdicts.
alert-corrected = veredicto corregido: { $now }
alert-corrected-from = veredicto corregido: { $now } en lugar de { $before }
alert-test = una prueba de este canal
alert-unknown-area = superficie desconocida

## Lines of a finding

alert-line = { $label }: { $value }
alert-finding = Hallazgo
alert-day = Día de la escena
alert-standing = Estado
alert-standing-provisional = provisional
alert-standing-confirmed = confirmado
alert-standing-withdrawn = retirado
alert-previous-verdict = Veredicto anterior
# $interval is `interval-at-level`.
alert-area = { $ha } ({ $interval })
alert-permit = { $permit }, límite { $limit }
alert-site-id = Identificador del sitio
alert-id = Alerta
alert-map-page = El sitio en el mapa
alert-picture = Imagen en color natural del { $day }.
alert-picture-boundary = La línea blanca es el límite del sitio.
alert-picture-change = El naranja marca la ganancia desde el { $since }, el violeta la pérdida.

## Sentences

alert-caveat = Es posible que falte en el registro una revisión del permiso: compruebe el permiso vigente antes de sacar conclusiones.
alert-test-statement = Esta es una prueba del canal. No se observó ningún sitio y no se encontró nada.
alert-no-scene = No se encontró ninguna escena nueva del sitio hasta el { $day }. Se vio por última vez el { $since }.
alert-no-scene-ever = No se encontró ninguna escena nueva del sitio hasta el { $day }. No se ha visto desde el { $since }.
