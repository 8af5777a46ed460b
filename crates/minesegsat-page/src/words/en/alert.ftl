# Alerts by mail. The words of a finding are in English in the payloads of webhooks and files too.
# $site: name of a site. $ha, $limit: hectares with their unit. $day, $since: dates, written out. $title: `alert-title`.

## Subject and lead

alert-subject = { $count } findings, first { $title }
alert-title = { $site }: { $what }, { $day }
alert-title-without-day = { $site }: { $what }
# There are two findings or more.
alert-lead = { $sites ->
    [one] { $count } findings at one site.
   *[other] { $count } findings at { $sites } sites.
}

## What was found

alert-provisional = { $what } (provisional)
alert-confirmed = { $what } (confirmed)
alert-withdrawn = withdrawn: { $what }
alert-exceeded = limit exceeded
alert-exceeded-limit = limit of { $limit } exceeded
alert-possible-exceedance = possible exceedance of the limit
alert-possible-exceedance-limit = possible exceedance of the limit of { $limit }
alert-outside-permit = possible disturbance outside the permit, { $ha }
alert-gain = { $ha } newly disturbed
alert-gain-since = { $ha } newly disturbed since { $since }
alert-not-assessable = no usable image
alert-not-assessable-since = no usable image since { $since }
# $before, $now: short names of verdicts.
alert-corrected = verdict corrected to { $now }
alert-corrected-from = verdict corrected from { $before } to { $now }
alert-test = a test of this channel
alert-unknown-area = an unknown area

## Lines of a finding

alert-line = { $label }: { $value }
alert-finding = Finding
alert-day = Day of the scene
alert-standing = Standing
alert-standing-provisional = provisional
alert-standing-confirmed = confirmed
alert-standing-withdrawn = withdrawn
alert-previous-verdict = Previous verdict
# $interval is `interval-at-level`.
alert-area = { $ha } ({ $interval })
alert-permit = { $permit }, limit { $limit }
alert-site-id = Id of the site
alert-id = Alert
alert-map-page = Site on the map page
alert-picture = True-colour picture of { $day }.
alert-picture-boundary = The white line is the boundary of the site.
alert-picture-change = Orange is gain since { $since }, violet is loss.

## Sentences

alert-caveat = A revision of the permit may be missing from the register: check the permit in force before drawing conclusions.
alert-test-statement = This is a test of the channel. No site was observed, and nothing was found.
alert-no-scene = No new scene of the site was found up to { $day }. It was last seen on { $since }.
alert-no-scene-ever = No new scene of the site was found up to { $day }. It was not seen since { $since }.
