# Alerts by mail.
# $site: name of a site. $ha, $limit: hectares with their unit. $day, $since: dates, written out. $title: `alert-title`.

## Subject and lead

alert-subject = { $count } constats, d’abord { $title }
alert-title = { $site } : { $what }, { $day }
alert-title-without-day = { $site } : { $what }
# There are two findings or more.
alert-lead = { $sites ->
    [one] { $count } constats sur un site.
   *[other] { $count } constats sur { $sites } sites.
}

## What was found

alert-provisional = { $what } (provisoire)
alert-confirmed = { $what } (confirmé)
alert-withdrawn = retiré : { $what }
alert-exceeded = limite dépassée
alert-exceeded-limit = limite de { $limit } dépassée
alert-possible-exceedance = dépassement possible de la limite
alert-possible-exceedance-limit = dépassement possible de la limite de { $limit }
alert-outside-permit = perturbation possible hors du permis, { $ha }
alert-gain = { $ha } nouvellement perturbés
alert-gain-since = { $ha } nouvellement perturbés depuis le { $since }
alert-not-assessable = aucune image utilisable
alert-not-assessable-since = aucune image utilisable depuis le { $since }
# $before, $now: short names of verdicts.
alert-corrected = verdict corrigé : { $now }
alert-corrected-from = verdict corrigé : { $now } au lieu de { $before }
alert-test = un essai de ce canal
alert-unknown-area = superficie inconnue

## Lines of a finding

alert-line = { $label } : { $value }
alert-finding = Constat
alert-day = Jour de la scène
alert-standing = État
alert-standing-provisional = provisoire
alert-standing-confirmed = confirmé
alert-standing-withdrawn = retiré
alert-previous-verdict = Verdict précédent
# $interval is `interval-at-level`.
alert-area = { $ha } ({ $interval })
alert-permit = { $permit }, limite { $limit }
alert-site-id = Identifiant du site
alert-id = Alerte
alert-map-page = Le site sur la carte
alert-picture = Image en couleurs naturelles du { $day }.
alert-picture-boundary = La ligne blanche est la limite du site.
alert-picture-change = L’orange marque le gain depuis le { $since }, le violet la perte.

## Sentences

alert-caveat = Il se peut qu’une révision du permis manque au registre : vérifiez le permis en vigueur avant de conclure.
alert-test-statement = Ceci est un essai du canal. Aucun site n’a été observé, et rien n’a été trouvé.
alert-no-scene = Aucune nouvelle scène du site n’a été trouvée jusqu’au { $day }. Il a été vu pour la dernière fois le { $since }.
alert-no-scene-ever = Aucune nouvelle scène du site n’a été trouvée jusqu’au { $day }. Il n’a pas été vu depuis le { $since }.
