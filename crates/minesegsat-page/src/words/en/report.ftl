# Reports of single sites and of all sites.

# Headings and labels
disturbed-land-of = { $site }: disturbed land
never-observed = never observed
last-observed-on = last observed on { $date }
key-numbers = Key numbers
quantity = Quantity
value = Value
note = Note
before-and-after = Before and after
before = Before: { $date }
after = After: { $date }
picture-of = True-colour picture of the site on { $date }, with outlines
no-picture = There is no picture of the site yet.
same-brightness = Both pictures have the same brightness scale.
own-brightness = Each picture has its own brightness scale, so brightness cannot be compared.
north = N
over-time = Over time
new-land = When land became disturbed
no-new-land = No land became disturbed between { $first } and { $last }.
undisturbed-on = Last date undisturbed
disturbed-on = First date disturbed
confirmed-column = Confirmed, ha
provisional-column = Provisional, ha
onset-picture = New land by the date on which it became disturbed, from violet ({ $first }) to pale yellow ({ $last }).
disagreeing = { $share } contradicts all dates together
observations = Observations
permits = Permits
scenes = Scenes
method-and-limits = Method and limits
made-by = Made on { $time } by { $software }
copernicus = Sentinel-2 images: contains modified Copernicus Sentinel data.
page-of = { $page } of { $pages }
wording-of-the-record = Wording of the record, in English
no-proof = This report alone is no proof of a breach.
not-observed-yet = The site is in the register but has not been observed yet.

# Status of a site
status-active = active
status-planned = planned
status-suspended = suspended
status-closed = closed
status-reclaimed = reclaimed

# Numbers
disturbed-land = Disturbed land
disturbed-land-note = { $level } % interval { $lower } to { $upper } ha, on { $date }
estimated = Estimated in the part that was seen
estimated-note = the sum of the probabilities
assumed = Assumed in the unseen part
assumed-note = unseen: { $share } of the site
mapped = Mapped
mapped-note = pixels above the threshold of probability
limit = Limit
limit-of-permit = permit { $number }
permit-unknown = permit number unknown
no-limit-known = none is in the register for that date
outside-permit = Mapped outside the permitted area
outside-permit-note = inside the site
outside-site = Mapped outside the site
outside-site-note = in one piece with land inside
gain = Gain
loss = Loss
since = since { $date }
below-noise = { $ha } seen, below the noise of { $floor }
below-noise-note = below the noise of { $floor }
no-earlier-date = no earlier date to compare with
share-seen = Share of the site seen
beyond-the-scenes = { $share } beyond the scenes
not-assessable-on = not assessable on { $date }

provisional = provisional

# Dates
# A date in a sentence of another language. English keeps the form of the record.
date-written = { $year }-{ $month }-{ $day }

# Outlines on pictures
outline-disturbed = disturbed land on that date
outline-gain = gain: newly disturbed since { $date }
outline-loss = loss: no longer disturbed since { $date }
outline-permit = permitted area
outline-boundary = boundary of the site

# The chart
chart-of-areas = Disturbed land by date with intervals, the limit of the permits, gain and loss. The table has the numbers.
axis-area = Disturbed land (ha)
axis-change = Change (ha)
axis-date = Date of the observation
key-interval = { $level } % interval of the area
key-limit = limit of the permits in the register
axis-cut = The axis of areas does not begin at zero.
nothing-to-draw = There is nothing to draw before the first observation.
chart-limit = limit { $ha } ({ $permit })
chart-limit-short = limit { $ha }

# Tables
date = Date
area-and-interval = Disturbed land and interval (ha)
verdict = Verdict
share-column = Seen
limit-column = Limit (ha)
outside-column = Outside permit and site (ha)
gain-column = Gain (ha)
loss-column = Loss (ha)
observations-left-out = { $count ->
    [one] One earlier observation is not shown. The HTML report and the exports have it.
   *[other] { $count } earlier observations are not shown. The HTML report and the exports have them.
}
permit = Permit
valid-from = Valid from
valid-to = Valid to
open-ended = open-ended
permitted-area = Permitted area
own-polygon = own polygon
site-boundary = boundary of the site
document = Document and its SHA-256
no-permit = No permit is in the register, so there is no verdict on a limit. A permit may still exist.
scene = Scene
cloud = Cloud, whole scene
baseline = Baseline
scenes-left-out = { $count ->
    [one] One scene of an earlier date is not shown.
   *[other] { $count } scenes of earlier dates are not shown.
}
no-scene = No scene is known.

# Method
method-images = Images of the Sentinel-2 satellites, with pixels of 10 metres. A neural network estimates for every pixel the probability that its land is disturbed by mining. The probabilities are calibrated.
method-interval = The area and its interval are computed from these probabilities. If they are right, the true area lies within the interval in about { $level } of 100 cases. The interval does not account for a kind of land that the network never learned.
method-change = Gain is land that is disturbed now and was not on the earlier date. Loss is the opposite, such as land that plants cover again. Differences below the noise floor of about { $floor } are reported as no change.
method-change-without-floor = Gain is land that is disturbed now and was not on the earlier date. Loss is the opposite, such as land that plants cover again. Differences below the noise floor are reported as no change.
method-unseen = Land under cloud, in shadow or without data is not assessed. Its share of disturbed land is assumed, and always stated.
method-limits = The report shows disturbed land, not who is responsible for it. Bare rock, fields, roads and river banks can look like a mine. The limits are those in the register: a revision of a permit may be missing. So an exceedance is a reason to look closer and to ask, not proof of a breach.
model = Model
weights = Weights (SHA-256)
threshold = Threshold of probability
confidence = Confidence level
noise-floor = Noise floor of change
software = Software
boundary-sha256 = Boundary (SHA-256)
corrected = The verdict of { $date } was judged again on { $day }. Until then it was: { $verdict }.

# All sites
register-of-sites = Register of sites
sites-in-register = { $count ->
    [one] One site
   *[other] { $count } sites
}
locations = Locations
map-of-sites = Positions of the sites by longitude and latitude, with the shapes of their verdicts. The table has the same data.
sites = Sites
site = Site
last-observation = Last observation
share-of-limit = Share of the limit used
no-site = The register has no site.

# HTML pages
satellite-picture = Satellite picture
divider = Divider between before (left) and after (right); drag it, or use the arrow keys
divider-at = before { $before }, after { $after }
shown-over-pictures = Shown over the pictures
warnings-on-observation = Warnings on this observation
notes-on-register = Notes on the register
last-assessable = Last assessable observation, { $date }: { $verdict }.
never-assessable = The site could not be assessed on any date yet.
footnote = Based on the permits in the register: a revision of the permit may be missing.
from-to = { $from } to { $to }
parts-seen = { $estimated } estimated; { $mapped } mapped
parts-with-unseen = { $estimated } estimated, { $assumed } assumed in the unseen part; { $mapped } mapped
area-with-interval = Disturbed land, interval
outside-permit-short = Outside the permit
outside-site-short = Outside the site
limit-and-permit = Limit, permit
permits-known = These are the permits in the register.
offset = Offset of the digital numbers
offsets = Radiometric offset of each scene
numbers-of-chart = The numbers of this chart
from-column = From (ha)
to-column = To (ha)
seen-of-site = { $share } of the site could be seen
permit-title = Permit { $number }: at most { $ha }, from { $from } to { $to }
permit-title-open = Permit { $number }: at most { $ha }, from { $from } on
indices = Green plants, bare soil and water
indices-by-date = Medians of indices by date, inside and around the site. The table below has the numbers.
index-ndvi = green plants
index-bsi = bare soil
index-ndwi = open water
index-inside = { $index } inside
index-around = { $index } around
median-inside = median inside the site
median-around = median around it
method-images-heading = What was analysed
method-images-more = Of the pixels with 70 %, about 70 in 100 were disturbed land in the calibration data.
method-interval-heading = What the interval means
method-interval-more = It accounts for errors that neighbouring pixels share.
method-change-heading = Gain, loss and the noise floor
method-change-more = Maps of two dates differ slightly even on sites where nothing happened.
method-unseen-more = If too little of a site can be seen, there is no verdict. This does not mean that the site is within its limit.
verdicts-heading = What the verdicts mean
method-limits-heading = What this report does not show
model-and-software = Model and software
none-observed = none observed yet
damaged-rows = Rows of the register that cannot be used
filter-words = Name, operator or commodity
all-verdicts = all
sites-shown = { $shown } of { $all } shown
how-to-read = How to read this
how-to-read-text = Each verdict compares the last observation of a site with the permit in force on that day. The area comes with an interval; a possible exceedance means that the limit lies inside it. Not assessable means neither within nor exceeded. The maps show disturbed land, not who is responsible for it, and a revision of a permit may be missing from the register: an exceedance is a reason to look closer, not proof of a breach. The report of each site explains how its numbers were made.
side-north = N
side-south = S
side-east = E
side-west = W
