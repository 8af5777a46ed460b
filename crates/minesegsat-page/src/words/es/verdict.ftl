# Verdicts on a site: shared by the map page, reports and mails.
# $area, $limit: hectares with their unit. $day: a date, written out. $permit: number of a permit.

## Short names

verdict-within = dentro del límite
verdict-possible-exceedance = posible superación
verdict-exceeded = límite superado
verdict-not-assessable = no evaluable
verdict-no-limit = sin límite conocido
verdict-unseen = sin observaciones aún

## Headings

verdict-within-heading = Dentro del límite
verdict-possible-exceedance-heading = Posible superación del límite
verdict-exceeded-heading = Límite superado, según los permisos conocidos
verdict-not-assessable-heading = No evaluable
verdict-no-limit-heading = Sin límite conocido
verdict-unseen-heading = Sin observaciones aún

## What they mean

verdict-within-meaning = Todo el intervalo de la superficie está por debajo del límite.
verdict-possible-exceedance-meaning = El límite está dentro del intervalo: la superficie puede ser menor o mayor que él.
verdict-exceeded-meaning = Todo el intervalo está por encima del límite que consta en el registro.
verdict-not-assessable-meaning = Se vio una parte demasiado pequeña del sitio para emitir un veredicto. No significa que el límite se cumpla ni que se supere.
verdict-no-limit-meaning = El registro no contiene ningún permiso con límite para ese día.
verdict-unseen-meaning = Todavía no se ha observado nada.

revision-may-be-missing = Es posible que falte en el registro una revisión del permiso.

## One observation. $interval is `interval` or `interval-at-level`

verdict-within-statement = El { $day } había { $area } de superficie alterada ({ $interval }). El permiso { $permit } autoriza { $limit }.
verdict-possible-exceedance-statement = El { $day } había { $area } de superficie alterada ({ $interval }). El límite de { $limit } del permiso { $permit } está dentro del intervalo.
verdict-exceeded-statement = El { $day } había { $area } de superficie alterada ({ $interval }). El permiso { $permit } autoriza { $limit }.
verdict-not-assessable-statement = El { $day } se vio el { $share } del sitio. La superficie no puede compararse con el límite.
verdict-no-limit-statement = El { $day } había { $area } de superficie alterada ({ $interval }). El registro no contiene ningún límite para ese día.

# $from, $to: hectares without a unit.
interval = { $from } a { $to } ha
# $level: confidence level, in percent.
interval-at-level = intervalo del { $level }: { $from } a { $to } ha
