# Reports of single sites and of all sites.

# Headings and labels
disturbed-land-of = { $site } : terres perturbées
never-observed = jamais observé
last-observed-on = dernière observation le { $date }
key-numbers = Chiffres clés
quantity = Grandeur
value = Valeur
note = Remarque
before-and-after = Avant et après
before = Avant : { $date }
after = Après : { $date }
picture-of = Image en couleurs naturelles du site le { $date }, avec contours
no-picture = Il n’y a pas encore d’image du site.
same-brightness = Les deux images ont la même échelle de luminosité.
own-brightness = Chaque image a sa propre échelle de luminosité : les luminosités ne sont pas comparables.
north = N
over-time = Évolution
new-land = Quand les terres ont été perturbées
no-new-land = Aucune terre n’a été perturbée entre le { $first } et le { $last }.
undisturbed-on = Dernière date intacte
disturbed-on = Première date perturbée
confirmed-column = Confirmé, ha
provisional-column = Provisoire, ha
onset-picture = Nouvelles terres selon la date de leur perturbation, du violet ({ $first }) au jaune pâle ({ $last }).
disagreeing = { $share } contredit l’ensemble des dates
observations = Observations
permits = Permis
scenes = Scènes
method-and-limits = Méthode et limites
made-by = Produit le { $time } par { $software }
copernicus = Images Sentinel-2 : contient des données Copernicus Sentinel modifiées.
page-of = { $page } sur { $pages }
wording-of-the-record = Texte du registre, en anglais
no-proof = Ce rapport seul ne prouve pas une infraction.
not-observed-yet = Le site figure au registre mais n’a pas encore été observé.

# Status of a site
status-active = en activité
status-planned = en projet
status-suspended = suspendu
status-closed = fermé
status-reclaimed = réhabilité

# Numbers
disturbed-land = Terres perturbées
disturbed-land-note = intervalle à { $level } % : { $lower } à { $upper } ha, le { $date }
estimated = Estimées dans la partie visible
estimated-note = somme des probabilités
assumed = Supposées dans la partie non vue
assumed-note = non vu : { $share } du site
mapped = Cartographiées
mapped-note = pixels au-dessus du seuil de probabilité
limit = Limite
limit-of-permit = permis { $number }
permit-unknown = numéro de permis inconnu
no-limit-known = aucune limite dans le registre pour cette date
outside-permit = Cartographiées hors du périmètre autorisé
outside-permit-note = à l’intérieur du site
outside-site = Cartographiées hors du site
outside-site-note = d’un seul tenant avec des terres du site
gain = Gain
loss = Perte
since = depuis le { $date }
below-noise = { $ha } vus, sous le bruit de { $floor }
below-noise-note = sous le bruit de { $floor }
no-earlier-date = pas de date antérieure à comparer
share-seen = Part du site visible
beyond-the-scenes = { $share } hors des scènes
not-assessable-on = non évaluable le { $date }

provisional = provisoire

# Dates
# A date in a sentence.
date-written = { $day ->
    [1] 1er
   *[other] { $day }
} { $month ->
    [1] janvier
    [2] février
    [3] mars
    [4] avril
    [5] mai
    [6] juin
    [7] juillet
    [8] août
    [9] septembre
    [10] octobre
    [11] novembre
   *[12] décembre
} { $year }

# Outlines on pictures
outline-disturbed = terres perturbées à cette date
outline-gain = gain : nouvellement perturbé depuis le { $date }
outline-loss = perte : n’est plus perturbé depuis le { $date }
outline-permit = périmètre autorisé
outline-boundary = limite du site

# The chart
chart-of-areas = Terres perturbées par date avec intervalles, limite des permis, gain et perte. Le tableau donne les chiffres.
axis-area = Terres perturbées (ha)
axis-change = Changement (ha)
axis-date = Date de l’observation
key-interval = intervalle à { $level } % de la surface
key-limit = limite des permis du registre
axis-cut = L’axe des surfaces ne commence pas à zéro.
nothing-to-draw = Il n’y a rien à tracer avant la première observation.
chart-limit = limite { $ha } ({ $permit })
chart-limit-short = limite { $ha }

# Tables
date = Date
area-and-interval = Terres perturbées et intervalle (ha)
verdict = Verdict
share-column = Visible
limit-column = Limite (ha)
outside-column = Hors permis et hors site (ha)
gain-column = Gain (ha)
loss-column = Perte (ha)
observations-left-out = { $count ->
    [one] { $count } observation antérieure n’est pas montrée. Le rapport HTML et les exports la contiennent.
   *[other] { $count } observations antérieures ne sont pas montrées. Le rapport HTML et les exports les contiennent.
}
permit = Permis
valid-from = Valable du
valid-to = Valable jusqu’au
open-ended = sans fin
permitted-area = Périmètre autorisé
own-polygon = polygone propre
site-boundary = limite du site
document = Document et son SHA-256
no-permit = Le registre ne contient aucun permis : il n’y a pas de verdict sur une limite. Un permis peut exister.
scene = Scène
cloud = Nuages, scène entière
baseline = Version
scenes-left-out = { $count ->
    [one] { $count } scène d’une date antérieure n’est pas montrée.
   *[other] { $count } scènes de dates antérieures ne sont pas montrées.
}
no-scene = Aucune scène n’est connue.

# Method
method-images = Images des satellites Sentinel-2, en pixels de 10 mètres. Un réseau de neurones estime pour chaque pixel la probabilité que son terrain soit perturbé par l’exploitation minière. Les probabilités sont calibrées.
method-interval = La surface et son intervalle sont calculés à partir de ces probabilités. Si elles sont justes, la surface vraie se trouve dans l’intervalle dans { $level } cas sur 100 environ. L’intervalle ne tient pas compte d’un type de terrain que le réseau n’a jamais appris.
method-change = Le gain est un terrain perturbé aujourd’hui et qui ne l’était pas à la date antérieure. La perte est l’inverse, par exemple un terrain que les plantes recouvrent. Les écarts inférieurs au bruit d’environ { $floor } sont donnés comme absence de changement.
method-change-without-floor = Le gain est un terrain perturbé aujourd’hui et qui ne l’était pas à la date antérieure. La perte est l’inverse, par exemple un terrain que les plantes recouvrent. Les écarts inférieurs au bruit sont donnés comme absence de changement.
method-unseen = Le terrain sous les nuages, à l’ombre ou sans données n’est pas évalué. Sa part de terres perturbées est supposée, et toujours indiquée.
method-limits = Le rapport montre les terres perturbées, et non qui en est responsable. Roche nue, champs, routes et berges peuvent ressembler à une mine. Les limites sont celles du registre : une révision du permis peut manquer. Un dépassement est donc une raison de regarder de plus près et de demander, et non la preuve d’une infraction.
model = Modèle
weights = Poids (SHA-256)
threshold = Seuil de probabilité
confidence = Niveau de confiance
noise-floor = Bruit du changement
software = Logiciel
boundary-sha256 = Limite du site (SHA-256)
corrected = Le verdict du { $date } a été révisé le { $day }. Il était auparavant : { $verdict }.

# All sites
register-of-sites = Registre des sites
sites-in-register = { $count ->
    [one] { $count } site
   *[other] { $count } sites
}
locations = Emplacements
map-of-sites = Positions des sites en longitude et latitude, avec les formes de leurs verdicts. Le tableau contient les mêmes données.
sites = Sites
site = Site
last-observation = Dernière observation
share-of-limit = Part de la limite utilisée
no-site = Le registre ne contient aucun site.

# HTML pages
satellite-picture = Image satellite
divider = Séparation entre avant (à gauche) et après (à droite) ; faites-la glisser, ou utilisez les flèches du clavier
divider-at = avant { $before }, après { $after }
shown-over-pictures = Affiché sur les images
warnings-on-observation = Avertissements sur cette observation
notes-on-register = Remarques sur le registre
last-assessable = Dernière observation évaluable, le { $date } : { $verdict }.
never-assessable = Le site n’a encore pu être évalué à aucune date.
footnote = D’après les permis du registre : une révision du permis peut manquer.
from-to = { $from } à { $to }
parts-seen = { $estimated } estimés ; { $mapped } cartographiés
parts-with-unseen = { $estimated } estimés, { $assumed } supposés dans la partie non vue ; { $mapped } cartographiés
area-with-interval = Terres perturbées, intervalle
outside-permit-short = Hors du permis
outside-site-short = Hors du site
limit-and-permit = Limite, permis
permits-known = Ce sont les permis du registre.
offset = Décalage des valeurs numériques
offsets = Décalage radiométrique de chaque scène
numbers-of-chart = Les chiffres de ce graphique
from-column = De (ha)
to-column = À (ha)
seen-of-site = { $share } du site visibles
permit-title = Permis { $number } : au plus { $ha }, du { $from } au { $to }
permit-title-open = Permis { $number } : au plus { $ha }, à partir du { $from }
indices = Plantes vertes, sol nu et eau
indices-by-date = Médianes des indices par date, dans le site et autour. Le tableau ci-dessous donne les chiffres.
index-ndvi = plantes vertes
index-bsi = sol nu
index-ndwi = eau libre
index-inside = { $index } dans le site
index-around = { $index } autour
median-inside = médiane dans le site
median-around = médiane autour du site
method-images-heading = Ce qui a été analysé
method-images-more = Parmi les pixels à 70 %, environ 70 sur 100 étaient des terres perturbées dans les données de calibration.
method-interval-heading = Ce que signifie l’intervalle
method-interval-more = Il tient compte des erreurs communes à des pixels voisins.
method-change-heading = Gain, perte et bruit
method-change-more = Les cartes de deux dates diffèrent légèrement même sur des sites où rien ne s’est passé.
method-unseen-more = Si une trop faible part d’un site est visible, il n’y a pas de verdict. Cela ne signifie pas que le site respecte sa limite.
verdicts-heading = Ce que signifient les verdicts
method-limits-heading = Ce que ce rapport ne montre pas
model-and-software = Modèle et logiciel
none-observed = aucun observé à ce jour
damaged-rows = Lignes du registre inutilisables
filter-words = Nom, exploitant ou substance
all-verdicts = tous
sites-shown = { $shown } sur { $all } affichés
how-to-read = Comment lire ce rapport
how-to-read-text = Chaque verdict compare la dernière observation d’un site au permis en vigueur ce jour-là. La surface est donnée avec un intervalle ; un dépassement possible signifie que la limite se trouve dans cet intervalle. Non évaluable ne signifie ni que la limite est respectée, ni qu’elle est dépassée. Les cartes montrent les terres perturbées, et non qui en est responsable, et une révision d’un permis peut manquer au registre : un dépassement est une raison de regarder de plus près, et non la preuve d’une infraction. Le rapport de chaque site explique comment ses chiffres ont été établis.
side-north = N
side-south = S
side-east = E
side-west = O
