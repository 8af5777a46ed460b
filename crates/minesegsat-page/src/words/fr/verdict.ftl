# Verdicts on a site: shared by the map page, reports and mails.
# $area, $limit: hectares with their unit. $day: a date, written out. $permit: number of a permit.

## Short names

verdict-within = dans la limite
verdict-possible-exceedance = dépassement possible
verdict-exceeded = limite dépassée
verdict-not-assessable = non évaluable
verdict-no-limit = aucune limite connue
verdict-unseen = pas encore d’observation

## Headings

verdict-within-heading = Dans la limite
verdict-possible-exceedance-heading = Dépassement possible de la limite
verdict-exceeded-heading = Limite dépassée, d’après les permis connus
verdict-not-assessable-heading = Non évaluable
verdict-no-limit-heading = Aucune limite connue
verdict-unseen-heading = Pas encore d’observation

## What they mean

verdict-within-meaning = Tout l’intervalle de la superficie est inférieur à la limite.
verdict-possible-exceedance-meaning = La limite se trouve dans l’intervalle : la superficie peut lui être inférieure ou supérieure.
verdict-exceeded-meaning = Tout l’intervalle est supérieur à la limite inscrite au registre.
verdict-not-assessable-meaning = Une trop faible part du site était visible pour rendre un verdict. Cela ne signifie ni que la limite est respectée, ni qu’elle est dépassée.
verdict-no-limit-meaning = Le registre ne contient aucun permis fixant une limite pour ce jour.
verdict-unseen-meaning = Rien n’a encore été observé.

revision-may-be-missing = Il se peut qu’une révision du permis manque au registre.

## One observation. $interval is `interval` or `interval-at-level`

verdict-within-statement = Au { $day }, { $area } de terres étaient perturbées ({ $interval }). Le permis { $permit } autorise { $limit }.
verdict-possible-exceedance-statement = Au { $day }, { $area } de terres étaient perturbées ({ $interval }). La limite de { $limit } du permis { $permit } se trouve dans l’intervalle.
verdict-exceeded-statement = Au { $day }, { $area } de terres étaient perturbées ({ $interval }). Le permis { $permit } autorise { $limit }.
verdict-not-assessable-statement = Au { $day }, { $share } du site étaient visibles. La superficie ne peut pas être comparée à la limite.
verdict-no-limit-statement = Au { $day }, { $area } de terres étaient perturbées ({ $interval }). Le registre ne contient aucune limite pour ce jour.

# $from, $to: hectares without a unit.
interval = { $from } à { $to } ha
# $level: confidence level, in percent.
interval-at-level = intervalle à { $level } : { $from } à { $to } ha
