# The map page of `minesegsat serve`. What is in backticks is shown as code.
# Numbers come with the marks of the language. Dates in sentences ($day) are written out, but for English; other dates are YYYY-MM-DD.

## Frame

skip-to-sites = Skip to the sites
skip-to-map = Skip to the map
views = Views
tab-sites = Sites
tab-predictions = Predictions
copy-link = Copy link
copied = Copied
link-copied = The link is copied
link-prompt = Link to what is shown
language = Language
language-reloads = The page is loaded again in the language that you choose
colours-system = Colours: as the system
colours-light = Colours: light
colours-dark = Colours: dark
map = Map
map-height = Height of the map
map-share = { $share } map
loading = Loading
loading-sites = Loading sites
loading-map = Loading the map
cancel = Cancel
try-again = Try again
close-message = Close this message
# A failure: what it is of, then the reason.
failure-of = { $what }:

## Server

server-unreachable = The server cannot be reached. Check that it is running, then try again.
server-status = The server answered with status { $status }
# Stands before words of the server, which are English.
server-says = The server answers:
# Stands before the sentence of the register, which is English.
record-text = Text of the record (English):
token-asked = This server asks for a token
sites-failed = The sites cannot be loaded
token-enter = Enter the token
token-heading = Token of the server
token = Token
token-kept = Kept until this tab is closed, and sent to this server only.
token-use = Use this token
token-wrong = The server does not know this token. Check it, then try again.
token-for-jobs = Running jobs on this server needs its token.

## Access: the caller's token, name and role

# $who is `access-operator-name` or the name of a user.
access-of = Access: { $who }
access-none-name = no token
access-operator-name = token of the server
access-heading = Your access
access-none = You have given no token. What can be read is shown, and a token is asked for when one is needed.
access-operator = You use the token of the server, which has all rights.
access-user = You are { $name }, with the role `{ $role }`:
access-read = You read everything.
access-order = You read everything, look for new scenes, run predictions and remove them.
access-register = You read everything, look for new scenes, run and remove predictions, and change sites and permits.
access-other = Use another token
access-forget = Forget the token
access-close = Close
role-lacking = You are { $name }, with the role `{ $role }`. This needs the role `{ $needed }`. The operator of the server gives roles.

## Jobs

job-queued = Waiting for its turn
job-running = Running
job-done = Done
job-failed = Failed
job-cancelled = Cancelled
job-progress = Progress: { $title }
job-cancelling = Cancelling
jobs = Jobs
jobs-list = The list of jobs
dismiss = Dismiss

## List of sites

sites = Sites
sites-list = The list of sites
sites-count =
    { $count ->
        [one] { $count } site
       *[other] { $count } sites
    }
sites-shown =
    { $count ->
        [one] { $count } site shown
       *[other] { $count } sites shown
    }
sites-of = { $shown } of { $all } sites
sites-search = Search sites by name, operator, commodity, permit or id, and the map by position
sites-search-hint = Name, operator, permit, or lat, lon
sites-verdicts = Show only these verdicts
sites-order = Order by
order-attention = What needs attention first
order-used = Share of the limit used
order-date = Last observation
order-name = Name
sites-none-left = No site matches
sites-none-left-why = No site has all words of the search and one of the chosen verdicts.
sites-show-all = Show all sites
sites-none = No sites yet
sites-none-how = The register of this workspace is empty. Sites come into it with:
sites-none-reload = Then reload this page.
of-limit = of { $limit }

## Positions

positions = Positions that the search may mean
position = { $lat }° { $lat-side }, { $lon }° { $lon-side }
side-north = N
side-south = S
side-east = E
side-west = W
position-go = Go to { $position }
position-lat-lon = latitude first
position-lon-lat = longitude first
position-shown = The map shows { $position }
position-mark = The position { $position }
sites-none-near = No site lies within { $distance } km of this position.

## A site

all-sites = ← All sites
site-failed = This site cannot be shown
over-time = Over time
observations = Observations
permits = Permits
scenes = Scenes
no-permit = No permit is in the register, so no limit is known.
how-to-read = How to read this
how-to-read-text = The maps show disturbed land and not who is responsible for it. An exceedance is a reason to look closer, and no proof of a breach: a revision of the permit may be missing from the register. The report says how the numbers were made.
last-observation = { $date }, the last observation
monitor-looks = `minesegsat monitor run` looks for scenes of it.
observation-gone = An observation of this link is no longer there; the last one is shown.
corrections = Corrections
# The reason follows; it is English.
corrected = Judged again on { $day }: until then { $verdict };
corrected-by = Changed by { $name }.
warnings = Warnings

## Figures of an observation

disturbed-land = Disturbed land
mapped = Mapped
mapped-note = whole pixels of the mask
assumed = Assumed
assumed-note = in the unseen part
limit = Limit
permit-number = permit { $permit }
gain = Gain
loss = Loss
since = since { $day }
below-noise = below the noise of { $floor }
outside-permit = Outside the permit
outside-permit-note = mapped inside the site
outside-site = Outside the site
outside-site-note = mapped, in one piece with land inside
seen-share = Seen of the site
beyond-scenes = { $share } beyond the scenes
disagrees-with-dates = Disagrees with all dates
disagrees-note = of the seen pixels; a large share means a doubtful date
shared-outline = Shared with other sites
shared-note = of the outline; land there counts for each site
change-below-noise = { $change } seen, below the noise of { $floor }

## Tables

observations-caption = Observations of the site, newest first
date = Date
verdict = Verdict
disturbed-ha = Disturbed, ha
interval-ha = Interval, ha
interval-at-level-ha = { $level } interval, ha
limit-ha = Limit, ha
seen = Seen
disagrees = Disagrees
from-to = { $from } to { $to }
permits-caption = Permits of the site
permit = Permit
from = From
to = To
document = Document
open-ended = open-ended
scenes-caption = Scenes behind the observations, newest first
scene = Scene
cloud-cover = Cloud cover
baseline = Baseline
offset = Offset of reflectance

## Chart

chart = The chart
chart-quantity = What the chart shows
gain-and-loss = Gain and loss
chart-area-legend = Marks are verdicts, whiskers the interval, the dashed line the limit.
chart-change-legend = Gain upwards, loss downwards, each since the observation before.
chart-ndvi-legend = Vegetation; line inside the site, dashes around it.
chart-bsi-legend = Bare soil; line inside the site, dashes around it.
chart-ndwi-legend = Water; line inside the site, dashes around it.
chart-label = { $quantity } by date. { $legend } The numbers stand in the table of observations.
reading-change = { $date }: gain { $gain }, loss { $loss }
reading-index = { $date }: { $inside } inside, { $around } around
reading-area = { $date }: { $area } ({ $interval }), { $verdict }
reading-unseen = { $date }: { $share } of the site could be seen, { $verdict }

## Report and downloads

downloads = Report and downloads
report = Report
# Follows `report`, for screen readers.
opens-in-tab = (opens in a new tab)
evidence-pack = Evidence pack of { $day }
report-pdf = Report as PDF
more-files = More files
files-of-land = Disturbed land of all dates
files-of-day = Rasters of { $day }
files-of-site = Site, permits and observations
raster-mask = Mapped land (GeoTIFF)
raster-probability = Probability (GeoTIFF)
raster-change = Change (GeoTIFF)
raster-onset = Dates of disturbance (GeoTIFF)
raster-state = State over all dates (GeoTIFF)
downloaded = { $what } is downloaded

## Looking for new scenes

look = Look for new scenes
looking = Looking for new scenes
look-started = The search for new scenes was started
look-searching = searching
look-cancelled = The search was cancelled.
look-found =
    { $count ->
        [one] { $count } new observation
       *[other] { $count } new observations
    }
# $found is `look-found`, $sites is `sites-count`.
look-found-at = { $found } at { $sites }
look-nothing-new = Nothing new since { $day }
look-no-scene = No scene was found that shows the site

## Dates on the map

dates = Dates
before = Before
after = After
compare = Before: compare with an earlier date
before-earlier = Earlier date for before
before-later = Later date for before
after-earlier = Earlier date for after
after-later = Later date for after
none-earlier = none earlier
date-reading = { $date }, { $area } disturbed, { $verdict }
date-said = { $date }: { $area } disturbed, { $verdict }
divider = Divider between before and after
divider-at = before { $before }, after { $after }

## Map

map-help = Map. Arrow keys move it, plus and minus zoom. The list of sites holds the same sites.
map-no-webgl = The map cannot be drawn, as this browser has no WebGL. Lists, numbers, tables and downloads work without it.
zoom-in = Zoom in
zoom-out = Zoom out
attribution-toggle = Toggle attribution
print-map = Print the map
print-dates = Left: { $before }. Right: { $after }.
print-made = Printed on { $day } from { $workspace }. Middle of the map: { $position }.
coastlines = The coastlines
coastlines-failed = the coastlines could not be loaded ({ $status })
outlines-of-disturbed = Outlines of disturbed land
prediction-polygons = Polygons of the prediction

## Layers and legends

layers = Layers
picture = Picture
picture-opacity = Opacity of the picture
picture-true-colour = True colour
picture-false-colour = False colour, infrared
picture-swir = Short-wave infrared
picture-ndvi = NDVI, vegetation
picture-bsi = BSI, bare soil
picture-ndwi = NDWI, water
picture-none = No picture
overlay = Overlay
overlay-opacity = Opacity of the overlay
overlay-none = No overlay
overlay-probability = Probability of disturbed land
overlay-mask = Disturbed land
overlay-change = Gain and loss since the date before
overlay-change-since-first = Gain and loss since the first date
overlay-onset = Date of disturbance
outlines = Outlines
outline-disturbed = Disturbed land
outline-gain = Gain
outline-loss = Loss
outline-permit = Permit
outline-boundary = Site
changes-since = Gain and loss since { $day }.
legend = Legend: { $title }
legend-bar = Colour bar from { $low }, { $low-words }, over { $middle } to { $high }, { $high-words }
legend-low = low
legend-high = high
legend-ndvi-low = water, bare ground
legend-ndvi-high = vegetation
legend-bsi-low = vegetation
legend-bsi-high = bare soil
legend-ndwi-low = dry land
legend-ndwi-high = open water
legend-probability-low = not disturbed
legend-probability-high = disturbed
legend-onset-low = first date
legend-onset-high = last date
class-disturbed = Disturbed land
class-gain = Gain, newly disturbed
class-loss = Loss, no longer disturbed
class-stable = Disturbed on both dates
class-not-assessable = Not assessable
note-false-colour = Vegetation is red, bare ground grey to blue-green.
note-swir = Vegetation is green, bare rock and soil violet to white.

## Predictions

predictions = Predictions
prediction = Prediction
prediction-of = The prediction
predictions-lead = Maps disturbed land in a box, on the clearest scene between two dates.
predictions-off = This server does not run jobs. Predictions that `minesegsat predict` writes into the workspace are listed below.
predictions-here = In this workspace
predictions-none = There are no predictions yet.
prediction-run = Run the prediction
prediction-started = The prediction was started
prediction-not-started = The prediction was not started: some fields need another value.
prediction-show = Show it on the map
prediction-shown = Prediction { $name } is on the map
prediction-gone = `{ $name }` is not in the workspace
prediction-bounds = Corners
prediction-created = Made
prediction-remove = Remove the prediction
prediction-remove-sure = Remove the prediction { $name } with its files? This cannot be undone. The downloaded scene stays in `scenes/{ $name }`.
prediction-removed = Prediction { $name } is removed
box-draw = Draw a box on the map
box-stop = Stop drawing
box-help = Drag on the map to draw a box. Escape stops. The edges can also be typed.
box-drawing = Drawing
box-extent = Use what the map shows
box-degrees = Box, in degrees
box-none = No box yet.
box-size = Box of { $area } km².
field-west = West
field-south = South
field-east = East
field-north = North
field-from = From
field-to = To
field-max-cloud = Cloud cover at most, %
wrong-degrees = Degrees from −{ $most } to { $most }
wrong-east = Must lie east of the western edge
wrong-north = Must lie north of the southern edge
wrong-date = A date as in 2024-07-31
wrong-to = Must not lie before the first day
wrong-cloud = Percent from 0 to 100

## Changes of sites and permits

site-add = Add a site
site-edit = Edit the site
site-edit-of = Edit { $name }
site-remove = Remove the site
site-remove-sure = Remove { $name } from the register, with { $permits } and { $observations }? Its verdicts and their history go too. This cannot be undone. Files of observations stay in the workspace.
site-removed = { $name } is removed
site-remove-conflict = The site has changed since it was shown, so nothing was removed. Check it, then try again.
permits-count =
    { $count ->
        [0] no permit
        [one] { $count } permit
       *[other] { $count } permits
    }
observations-count =
    { $count ->
        [0] no observation
        [one] { $count } observation
       *[other] { $count } observations
    }
permit-add = Add a permit
permit-add-to = Add a permit to { $name }
permit-change = Change
permit-withdraw = Withdraw
permit-withdraw-of = Withdraw permit { $permit }
permit-withdraw-sure = Withdraw permit { $permit }? Verdicts of the days on which it held are judged again.
permit-withdrawn = Permit { $permit } is withdrawn
permit-judges-again = This permit changes verdicts of stored observations. Nothing was stored yet. Store it all the same?
permit-store-anyway = Store it all the same
permit-field-number = Number of the permit
permit-field-from = First day
permit-field-to = Last day, if known
permit-field-limit = Limit in hectares, if there is one
permit-supersede = Permit { $permit } ends on the day before
editor-name = Name
editor-operator = Operator
editor-commodity = Commodity
editor-status = Status
editor-id = Id
editor-id-hint = made from the name if empty
editor-save = Save
editor-saved = { $name } is saved
editor-not-saved = Nothing was saved: some fields need another value.
editor-leave = Leave without saving?
editor-id-taken = Another site has this id. Give another one.
editor-too-large = The outline is too large for this server.
editor-read-only = This server is read-only.
editor-gone = This site is no longer in the register.
conflict = Another person has changed this site since you opened it. Nothing was saved.
conflict-value = { $what } is now { $value }
conflict-outline = The outline has changed.
conflict-permits = The permits have changed.
conflict-theirs = Start again from the current values
conflict-mine = Save my values anyway
step-outline = First give the outline of the site.
step-name = Now give the name of the site.
step-save = Check the outline on the map, then save. A permit with its limit can be added next.
step-edit = Change what is wrong, then save. A new outline applies only to later observations.
step-permit = Give number, first day and limit. Verdicts of the days on which it holds are judged again.
outline-boundary-of = Outline
outline-draw = Draw on the map
outline-corners = Move corners
outline-take-site = Start from the outline of the site
outline-take-permit = Start from the outline of { $permit }
outline-file = Choose a GeoJSON file
outline-formats = A GeoJSON file can also be dropped on the page. GeoPackage, Shapefile, KML, FlatGeobuf, GeoParquet and CSV are imported by `minesegsat sites import FILE`, also with many sites.
outline-none = No outline yet.
outline-none-permit = Without an outline of its own, the permit holds for the outline of the site.
outline-area = Outline of about { $area }.
outline-read =
    { $count ->
        [one] From { $name }: one polygon.
       *[other] From { $name }: { $count } polygons, which are one outline.
    }
outline-others =
    { $count ->
        [one] One point or line is left out.
       *[other] { $count } points or lines are left out.
    }
draw-first = Click the first corner of the outline.
draw-first-keys = With the keyboard: arrow keys move the map, the space bar sets a corner in its middle. Escape stops.
draw-next =
    { $count ->
        [one] One corner is set. Click the next one; an outline needs three.
       *[other] { $count } corners are set. Click the next one; an outline needs three.
    }
draw-more = { $count } corners are set. Go on, or finish.
draw-more-keys = Double click or Enter finishes, Backspace takes back the last corner.
draw-undo = Take back a corner
draw-finish = Finish
corners-help = Drag a corner to move it. Drag the middle of an edge to add one.
corners-touch = Hold a corner to remove it.
corners-keys = Keys: Page Up and Page Down choose a corner, arrows move it (further with Shift), + adds one, Delete removes it, Enter ends, Escape gives up.
corners-too-many = The outline has { $count } corners, and at most { $most } can be moved here. Draw the outline anew, or choose a changed file.
corner-of = Corner { $number } of { $count }, { $position }
corner-previous = Corner before
corner-next = Corner after
corner-add = Add a corner
corner-remove = Remove the corner
corner-least = The corner stays: an outline needs three.
corner-undo = Undo
corner-done = Done
file-other-format = `{ $name }` is not read here, only GeoJSON (.geojson, .json). The program imports GeoPackage, Shapefile, KML, FlatGeobuf, GeoParquet and CSV: `minesegsat sites import FILE`.
file-too-large = `{ $name }` has { $size } MB, and this page reads at most { $most } MB. The program reads larger files: `minesegsat sites import FILE`.
file-not-json = The file is not JSON, so it is not GeoJSON.
file-no-polygon = The file has points or lines and no polygon. An outline needs a polygon.
file-nothing = The file has no polygon. An outline needs a polygon of GeoJSON.
file-no-position = A polygon of the file has too few positions, or one that is not two numbers.
file-not-degrees = The position { $x }, { $y } is not a longitude and latitude in degrees. The program reads files in other coordinates: `minesegsat sites import FILE`.
wrong-name = A site needs a name
wrong-id = Lower-case letters, digits, -, _ and ., a letter or digit first, at most 64
wrong-number = A permit needs a number
wrong-limit = Hectares, 0 or more
