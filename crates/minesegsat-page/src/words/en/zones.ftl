# The page of hectares by zone. $number: $count as it is written. $area: hectares without a unit, unless a message says so.

zones-title = Mining-disturbed land by zone
zones-lead = { $count ->
    [one] { $number } zone, { $periods }, found by the model { $model }
   *[other] { $number } zones, { $periods }, found by the model { $model }
}
zones-all = all zones (each place once)

# All zones together. $area has its unit.
zones-mapped-in-all = Mapped in all zones
zones-of-seen = in { $area } that were seen
zones-since-last = since the last period that shows the land
zones-outside-all-permits = Mapped outside all permits
zones-permits = { $count ->
    [one] { $number } permit
   *[other] { $number } permits
}

# The map. $area has its unit.
zones-share-heading = Share of the zones that is mapped as disturbed, { $period }
zones-map = Map of the zones
zones-map-label = Map of the zones by their share of disturbed land. The tables have the numbers.
zones-on-map = { $zone }: { $area } mapped, { $share }
zones-unseen-on-map = { $zone }: not seen
zones-none = none
zones-not-seen = not seen

# The table of a period
zones-hectares = Hectares, { $period }
zones-zone = Zone
zones-seen = Seen
zones-share = Share
zones-compared = Compared
zones-permitted = Permitted
zones-outside-permits = Mapped outside permits
zones-of-area = of { $area }
zones-missing = { $area } missing
zones-assumed = { $area } assumed
zones-polygons = { $count ->
    [one] { $number } polygon
   *[other] { $number } polygons
}

# Notes
zones-notes = How to read these numbers
zones-note-areas = All areas are hectares on the ellipsoid. Zones may overlap. The row of all zones counts each place once.
zones-note-mapped = Mapped: pixels that the masks show as disturbed. They are counted, so they have no interval.
zones-note-disturbed = Disturbed land: the sum of the probabilities, with the interval at { $level } %. It includes land that is assumed where no scene shows the ground. The interval treats the error of the model as shared by all tiles.
zones-note-change = Gain and loss: mapped land that appeared or disappeared since the last period that shows the place, in the land that has such a period (compared). They are differences of two maps, and mostly noise on small areas.
zones-note-permits = Permits: those that hold on a day of the period and whose land lies in the zone. Land outside permits lies in none of them.
zones-copernicus = Contains modified Copernicus Sentinel data unless the scenes are simulated.
