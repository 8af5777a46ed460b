# Verdicts on a site: shared by the map page, reports and mails.
# $area, $limit: hectares with their unit. $day: a date, written out. $permit: number of a permit.

## Short names

verdict-within = within the limit
verdict-possible-exceedance = possible exceedance
verdict-exceeded = exceeded
verdict-not-assessable = not assessable
verdict-no-limit = no limit known
verdict-unseen = no observation yet

## Headings

verdict-within-heading = Within the limit
verdict-possible-exceedance-heading = Possible exceedance of the limit
verdict-exceeded-heading = Limit exceeded, as far as the permits are known
verdict-not-assessable-heading = Not assessable
verdict-no-limit-heading = No limit known
verdict-unseen-heading = No observation yet

## What they mean

verdict-within-meaning = The whole interval of the area lies below the limit.
verdict-possible-exceedance-meaning = The limit lies inside the interval: the area may be below or above it.
verdict-exceeded-meaning = The whole interval lies above the limit that is in the register.
verdict-not-assessable-meaning = Too little of the site could be seen for a verdict. It means neither within nor exceeded.
verdict-no-limit-meaning = No permit with a limit is in the register for that day.
verdict-unseen-meaning = Nothing has been looked at yet.

revision-may-be-missing = A revision of the permit may be missing from the register.

## One observation. $interval is `interval` or `interval-at-level`

verdict-within-statement = On { $day }, { $area } were disturbed ({ $interval }). Permit { $permit } allows { $limit }.
verdict-possible-exceedance-statement = On { $day }, { $area } were disturbed ({ $interval }). The limit of { $limit } of permit { $permit } lies inside the interval.
verdict-exceeded-statement = On { $day }, { $area } were disturbed ({ $interval }). Permit { $permit } allows { $limit }.
verdict-not-assessable-statement = On { $day }, { $share } of the site was seen. The area cannot be compared with the limit.
verdict-no-limit-statement = On { $day }, { $area } were disturbed ({ $interval }). No limit is in the register for that day.

# $from, $to: hectares without a unit.
interval = { $from } to { $to } ha
# $level: confidence level, in percent.
interval-at-level = { $level } interval { $from } to { $to } ha
