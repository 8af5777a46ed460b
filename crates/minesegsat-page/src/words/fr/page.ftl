# The map page of `minesegsat serve`. What is in backticks is shown as code.
# Numbers come with the marks of the language. Dates in sentences ($day) are written out, but for English; other dates are YYYY-MM-DD.

## Frame

skip-to-sites = Aller aux sites
skip-to-map = Aller à la carte
views = Vues
tab-sites = Sites
tab-predictions = Prédictions
copy-link = Copier le lien
copied = Copié
link-copied = Le lien est copié
link-prompt = Lien vers ce qui est affiché
language = Langue
language-reloads = La page est rechargée dans la langue choisie
colours-system = Couleurs : celles du système
colours-light = Couleurs : claires
colours-dark = Couleurs : sombres
map = Carte
map-height = Hauteur de la carte
map-share = { $share } pour la carte
loading = Chargement
loading-sites = Chargement des sites
loading-map = Chargement de la carte
cancel = Annuler
try-again = Réessayer
close-message = Fermer ce message
# A failure: what it is of, then the reason.
failure-of = { $what } :

## Server

server-unreachable = Le serveur est injoignable. Vérifiez qu’il fonctionne, puis réessayez.
server-status = Le serveur a répondu avec le code { $status }
# Stands before words of the server, which are English.
server-says = Réponse du serveur :
# Stands before the sentence of the register, which is English.
record-text = Texte du registre (en anglais) :
token-asked = Ce serveur demande un jeton d’accès
sites-failed = Impossible de charger les sites
token-enter = Saisir le jeton
token-heading = Jeton d’accès au serveur
token = Jeton
token-kept = Conservé jusqu’à la fermeture de cet onglet, et envoyé à ce serveur uniquement.
token-use = Utiliser ce jeton
token-wrong = Le serveur ne connaît pas ce jeton. Vérifiez-le, puis réessayez.
token-for-jobs = Pour lancer des tâches, ce serveur exige son jeton.

## Access: the caller's token, name and role

# $who is `access-operator-name` or the name of a user.
access-of = Accès : { $who }
access-none-name = aucun jeton
access-operator-name = jeton du serveur
access-heading = Votre accès
access-none = Vous n’avez donné aucun jeton. Ce qui peut être lu est affiché, et un jeton est demandé lorsqu’il en faut un.
access-operator = Vous utilisez le jeton du serveur, qui a tous les droits.
access-user = Vous êtes { $name }, avec le rôle `{ $role }` :
access-read = Vous lisez tout.
access-order = Vous lisez tout, cherchez de nouvelles scènes, lancez des prédictions et les supprimez.
access-register = Vous lisez tout, cherchez de nouvelles scènes, lancez et supprimez des prédictions, et modifiez sites et permis.
access-other = Utiliser un autre jeton
access-forget = Oublier le jeton
access-close = Fermer
role-lacking = Vous êtes { $name }, avec le rôle `{ $role }`. Il faut ici le rôle `{ $needed }`. L’exploitant du serveur donne les rôles.

## Jobs

job-queued = En attente
job-running = En cours
job-done = Terminée
job-failed = Échec
job-cancelled = Annulée
job-progress = Avancement : { $title }
job-cancelling = Annulation
jobs = Tâches
jobs-list = Liste des tâches
dismiss = Retirer

## List of sites

sites = Sites
sites-list = Liste des sites
sites-count =
    { $count ->
        [one] { $count } site
       *[other] { $count } sites
    }
sites-shown =
    { $count ->
        [one] { $count } site affiché
       *[other] { $count } sites affichés
    }
sites-of = { $shown } sur { $all } sites
sites-search = Rechercher des sites par nom, exploitant, substance, permis ou identifiant, et sur la carte par position
sites-search-hint = Nom, exploitant, permis, ou lat, lon
sites-verdicts = N’afficher que ces verdicts
sites-order = Trier par
order-attention = Priorité d’examen
order-used = Part de la limite utilisée
order-date = Dernière observation
order-name = Nom
sites-none-left = Aucun site ne correspond
sites-none-left-why = Aucun site ne réunit tous les mots de la recherche et l’un des verdicts choisis.
sites-show-all = Afficher tous les sites
sites-none = Pas encore de site
sites-none-how = Le registre de cet espace de travail est vide. Pour y ajouter des sites :
sites-none-reload = Rechargez ensuite cette page.
of-limit = sur { $limit }

## Positions

positions = Positions que la recherche peut désigner
position = { $lat }° { $lat-side }, { $lon }° { $lon-side }
side-north = N
side-south = S
side-east = E
side-west = O
position-go = Aller à { $position }
position-lat-lon = latitude d’abord
position-lon-lat = longitude d’abord
position-shown = La carte montre { $position }
position-mark = La position { $position }
sites-none-near = Aucun site à moins de { $distance } km de cette position.

## A site

all-sites = ← Tous les sites
site-failed = Impossible d’afficher ce site
over-time = Évolution
observations = Observations
permits = Permis
scenes = Scènes
no-permit = Le registre ne contient aucun permis : aucune limite n’est connue.
how-to-read = Comment lire ces résultats
how-to-read-text = Les cartes montrent les terres perturbées, et non qui en est responsable. Un dépassement invite à regarder de plus près ; il ne prouve pas une infraction : il se peut qu’une révision du permis manque au registre. Le rapport explique comment les chiffres ont été établis.
last-observation = { $date }, dernière observation
monitor-looks = `minesegsat monitor run` en recherche des scènes.
observation-gone = Une observation de ce lien n’existe plus ; la dernière est affichée.
corrections = Corrections
# The reason follows; it is English.
corrected = Verdict révisé le { $day } ; auparavant : { $verdict }. Motif :
corrected-by = Modifié par { $name }.
warnings = Avertissements

## Figures of an observation

disturbed-land = Terres perturbées
mapped = Cartographié
mapped-note = pixels entiers du masque
assumed = Supposé
assumed-note = dans la partie non vue
limit = Limite
permit-number = permis { $permit }
gain = Gain
loss = Perte
since = depuis le { $day }
below-noise = sous le seuil de bruit de { $floor }
outside-permit = Hors de l’emprise du permis
outside-permit-note = cartographié à l’intérieur du site
outside-site = Hors du site
outside-site-note = cartographié, d’un seul tenant avec l’intérieur
seen-share = Part visible du site
beyond-scenes = { $share } hors des scènes
disagrees-with-dates = En désaccord avec toutes les dates
disagrees-note = des pixels vus ; une grande part signale une date douteuse
shared-outline = Partagé avec d’autres sites
shared-note = du contour ; les terres y comptent pour chaque site
change-below-noise = { $change } vus, sous le seuil de bruit de { $floor }

## Tables

observations-caption = Observations du site, les plus récentes d’abord
date = Date
verdict = Verdict
disturbed-ha = Terres perturbées, ha
interval-ha = Intervalle, ha
interval-at-level-ha = Intervalle à { $level }, ha
limit-ha = Limite, ha
seen = Visible
disagrees = En désaccord
from-to = { $from } à { $to }
permits-caption = Permis du site
permit = Permis
from = Du
to = Au
document = Document
open-ended = sans échéance
scenes-caption = Scènes à l’origine des observations, les plus récentes d’abord
scene = Scène
cloud-cover = Couverture nuageuse
baseline = Version de traitement
offset = Décalage de réflectance

## Chart

chart = Le graphique
chart-quantity = Grandeur affichée par le graphique
gain-and-loss = Gain et perte
chart-area-legend = Les symboles sont les verdicts, les barres verticales l’intervalle, la ligne tiretée la limite.
chart-change-legend = Gain vers le haut, perte vers le bas, par rapport à l’observation précédente.
chart-ndvi-legend = Végétation ; ligne continue dans le site, tirets autour.
chart-bsi-legend = Sol nu ; ligne continue dans le site, tirets autour.
chart-ndwi-legend = Eau ; ligne continue dans le site, tirets autour.
chart-label = { $quantity } par date. { $legend } Les valeurs figurent dans le tableau des observations.
reading-change = { $date } : gain { $gain }, perte { $loss }
reading-index = { $date } : { $inside } dans le site, { $around } autour
reading-area = { $date } : { $area } ({ $interval }), { $verdict }
reading-unseen = { $date } : { $share } du site visibles, { $verdict }

## Report and downloads

downloads = Rapport et téléchargements
report = Rapport
# Follows `report`, for screen readers.
opens-in-tab = (s’ouvre dans un nouvel onglet)
evidence-pack = Dossier de preuves du { $day }
report-pdf = Rapport en PDF
more-files = Autres fichiers
files-of-land = Terres perturbées, toutes dates
files-of-day = Images du { $day }
files-of-site = Site, permis et observations
raster-mask = Terres cartographiées (GeoTIFF)
raster-probability = Probabilité (GeoTIFF)
raster-change = Changement (GeoTIFF)
raster-onset = Dates de la perturbation (GeoTIFF)
raster-state = État sur toutes les dates (GeoTIFF)
downloaded = Téléchargé : { $what }

## Looking for new scenes

look = Chercher de nouvelles scènes
looking = Recherche de nouvelles scènes
look-started = La recherche de nouvelles scènes a commencé
look-searching = recherche
look-cancelled = La recherche a été annulée.
look-found =
    { $count ->
        [one] { $count } nouvelle observation
       *[other] { $count } nouvelles observations
    }
# $found is `look-found`, $sites is `sites-count`.
look-found-at = { $found } pour { $sites }
look-nothing-new = Rien de nouveau depuis le { $day }
look-no-scene = Aucune scène montrant le site n’a été trouvée

## Dates on the map

dates = Dates
before = Avant
after = Après
compare = Avant : comparer avec une date antérieure
before-earlier = Date plus ancienne pour « avant »
before-later = Date plus récente pour « avant »
after-earlier = Date plus ancienne pour « après »
after-later = Date plus récente pour « après »
none-earlier = aucune date antérieure
date-reading = { $date }, { $area } de terres perturbées, { $verdict }
date-said = { $date } : { $area } de terres perturbées, { $verdict }
divider = Séparation entre avant et après
divider-at = avant { $before }, après { $after }

## Map

map-help = Carte. Les flèches la déplacent, plus et moins changent l’échelle. La liste contient les mêmes sites.
map-no-webgl = La carte ne peut pas être dessinée, car ce navigateur n’a pas WebGL. Les listes, les chiffres, les tableaux et les téléchargements fonctionnent sans elle.
zoom-in = Zoom avant
zoom-out = Zoom arrière
attribution-toggle = Afficher ou masquer les sources
print-map = Imprimer la carte
print-dates = À gauche : { $before }. À droite : { $after }.
print-made = Imprimé le { $day } depuis { $workspace }. Centre de la carte : { $position }.
coastlines = Traits de côte
coastlines-failed = les traits de côte n’ont pas pu être chargés ({ $status })
outlines-of-disturbed = Contours des terres perturbées
prediction-polygons = Polygones de la prédiction

## Layers and legends

layers = Couches
picture = Image
picture-opacity = Opacité de l’image
picture-true-colour = Couleurs naturelles
picture-false-colour = Fausses couleurs, infrarouge
picture-swir = Infrarouge à ondes courtes
picture-ndvi = NDVI, végétation
picture-bsi = BSI, sol nu
picture-ndwi = NDWI, eau
picture-none = Sans image
overlay = Couche superposée
overlay-opacity = Opacité de la couche superposée
overlay-none = Aucune
overlay-probability = Probabilité de terres perturbées
overlay-mask = Terres perturbées
overlay-change = Gain et perte depuis la date précédente
overlay-change-since-first = Gain et perte depuis la première date
overlay-onset = Date de la perturbation
outlines = Contours
outline-disturbed = Terres perturbées
outline-gain = Gain
outline-loss = Perte
outline-permit = Emprise du permis
outline-boundary = Site
changes-since = Gain et perte depuis le { $day }.
legend = Légende : { $title }
legend-bar = Échelle de couleurs de { $low }, { $low-words }, en passant par { $middle }, à { $high }, { $high-words }
legend-low = faible
legend-high = élevé
legend-ndvi-low = eau, sol nu
legend-ndvi-high = végétation
legend-bsi-low = végétation
legend-bsi-high = sol nu
legend-ndwi-low = terre sèche
legend-ndwi-high = eau libre
legend-probability-low = non perturbé
legend-probability-high = perturbé
legend-onset-low = première date
legend-onset-high = dernière date
class-disturbed = Terres perturbées
class-gain = Gain, nouvellement perturbé
class-loss = Perte, n’est plus perturbé
class-stable = Perturbé aux deux dates
class-not-assessable = Non évaluable
note-false-colour = La végétation est rouge, le sol nu gris à bleu-vert.
note-swir = La végétation est verte, la roche et le sol nus violets à blancs.

## Predictions

predictions = Prédictions
prediction = Prédiction
prediction-of = La prédiction
predictions-lead = Cartographie les terres perturbées dans un rectangle, sur la scène la plus claire entre deux dates.
predictions-off = Ce serveur n’exécute pas de tâches. Les prédictions que `minesegsat predict` écrit dans l’espace de travail figurent ci-dessous.
predictions-here = Dans cet espace de travail
predictions-none = Il n’y a pas encore de prédiction.
prediction-run = Lancer la prédiction
prediction-started = La prédiction est lancée
prediction-not-started = La prédiction n’a pas été lancée : certains champs sont à corriger.
prediction-show = Afficher sur la carte
prediction-shown = La prédiction { $name } est sur la carte
prediction-gone = `{ $name }` n’est pas dans l’espace de travail
prediction-bounds = Coins
prediction-created = Faite le
prediction-remove = Supprimer la prédiction
prediction-remove-sure = Supprimer la prédiction { $name } avec ses fichiers ? Ce n’est pas réversible. La scène téléchargée reste dans `scenes/{ $name }`.
prediction-removed = La prédiction { $name } est supprimée
box-draw = Tracer un rectangle sur la carte
box-stop = Arrêter le tracé
box-help = Faites glisser sur la carte pour tracer un rectangle. Échap arrête. Les bords peuvent aussi être saisis.
box-drawing = Tracé
box-extent = Prendre l’étendue de la carte
box-degrees = Rectangle, en degrés
box-none = Pas encore de rectangle.
box-size = Rectangle de { $area } km².
field-west = Ouest
field-south = Sud
field-east = Est
field-north = Nord
field-from = Du
field-to = Au
field-max-cloud = Couverture nuageuse maximale, %
wrong-degrees = Degrés de −{ $most } à { $most }
wrong-east = Doit être à l’est du bord ouest
wrong-north = Doit être au nord du bord sud
wrong-date = Une date comme 2024-07-31
wrong-to = Ne doit pas précéder le premier jour
wrong-cloud = Pourcentage de 0 à 100

## Modifications des sites et des permis

site-add = Ajouter un site
site-edit = Modifier le site
site-edit-of = Modifier { $name }
site-remove = Supprimer le site
site-remove-sure = Supprimer { $name } du registre, avec { $permits } et { $observations } ? Ses verdicts et leur historique disparaissent aussi. Ce n’est pas réversible. Les fichiers des observations restent dans l’espace de travail.
site-removed = { $name } est supprimé
site-remove-conflict = Le site a changé depuis son affichage, donc rien n’a été supprimé. Vérifiez-le, puis réessayez.
permits-count =
    { $count ->
        [0] aucun permis
        [one] { $count } permis
       *[other] { $count } permis
    }
observations-count =
    { $count ->
        [0] aucune observation
        [one] { $count } observation
       *[other] { $count } observations
    }
permit-add = Ajouter un permis
permit-add-to = Ajouter un permis à { $name }
permit-change = Modification
permit-withdraw = Retirer
permit-withdraw-of = Retirer le permis { $permit }
permit-withdraw-sure = Retirer le permis { $permit } ? Les verdicts des jours où il était valable seront rendus de nouveau.
permit-withdrawn = Le permis { $permit } est retiré
permit-judges-again = Ce permis change des verdicts d’observations enregistrées. Rien n’a encore été enregistré. L’enregistrer quand même ?
permit-store-anyway = L’enregistrer quand même
permit-field-number = Numéro du permis
permit-field-from = Premier jour
permit-field-to = Dernier jour, si connu
permit-field-limit = Limite en hectares, s’il y en a une
permit-supersede = Le permis { $permit } se termine la veille
editor-name = Nom
editor-operator = Exploitant
editor-commodity = Substance
editor-status = Statut
editor-id = Identifiant
editor-id-hint = formé à partir du nom si vide
editor-save = Enregistrer
editor-saved = { $name } est enregistré
editor-not-saved = Rien n’a été enregistré : certains champs demandent une autre valeur.
editor-leave = Quitter sans enregistrer ?
editor-id-taken = Un autre site a cet identifiant. Donnez-en un autre.
editor-too-large = Le contour est trop grand pour ce serveur.
editor-read-only = Ce serveur est en lecture seule.
editor-gone = Ce site n’est plus dans le registre.
conflict = Quelqu’un d’autre a modifié ce site depuis que vous l’avez ouvert. Rien n’a été enregistré.
conflict-value = { $what } est maintenant { $value }
conflict-outline = Le contour a changé.
conflict-permits = Les permis ont changé.
conflict-theirs = Reprendre à partir des valeurs actuelles
conflict-mine = Enregistrer quand même mes valeurs
step-outline = Donnez d’abord le contour du site.
step-name = Donnez maintenant le nom du site.
step-save = Vérifiez le contour sur la carte, puis enregistrez. Un permis avec sa limite peut être ajouté ensuite.
step-edit = Modifiez ce qui est faux, puis enregistrez. Un nouveau contour ne vaut que pour les observations ultérieures.
step-permit = Donnez le numéro, le premier jour et la limite. Les verdicts des jours où il est valable seront rendus de nouveau.
outline-boundary-of = Contour
outline-draw = Dessiner sur la carte
outline-corners = Déplacer les coins
outline-take-site = Partir du contour du site
outline-take-permit = Partir du contour de { $permit }
outline-file = Choisir un fichier GeoJSON
outline-formats = Un fichier GeoJSON peut aussi être déposé sur la page. GeoPackage, Shapefile, KML, FlatGeobuf, GeoParquet et CSV sont importés par `minesegsat sites import FILE`, aussi avec de nombreux sites.
outline-none = Pas encore de contour.
outline-none-permit = Sans contour propre, le permis vaut pour le contour du site.
outline-area = Contour d’environ { $area }.
outline-read =
    { $count ->
        [one] De { $name } : un polygone.
       *[other] De { $name } : { $count } polygones, qui forment un contour.
    }
outline-others =
    { $count ->
        [one] Un point ou une ligne est laissé de côté.
       *[other] { $count } points ou lignes sont laissés de côté.
    }
draw-first = Cliquez sur le premier coin du contour.
draw-first-keys = Au clavier : les flèches déplacent la carte, la barre d’espace pose un coin en son centre. Échap arrête.
draw-next =
    { $count ->
        [one] Un coin est posé. Cliquez sur le suivant ; il en faut trois.
       *[other] { $count } coins sont posés. Cliquez sur le suivant ; il en faut trois.
    }
draw-more = { $count } coins sont posés. Continuez, ou terminez.
draw-more-keys = Double-clic ou Entrée termine, Retour arrière reprend le dernier coin.
draw-undo = Reprendre un coin
draw-finish = Terminer
corners-help = Faites glisser un coin pour le déplacer, ou le milieu d’un côté pour en ajouter un.
corners-touch = Maintenez un coin pour le supprimer.
corners-keys = Touches : Page préc. et Page suiv. choisissent un coin, les flèches le déplacent (plus loin avec Maj), + en ajoute un, Suppr le supprime, Entrée termine, Échap abandonne.
corners-too-many = Le contour a { $count } coins, et au plus { $most } peuvent être déplacés ici. Dessinez le contour de nouveau, ou choisissez un fichier modifié.
corner-of = Coin { $number } sur { $count }, { $position }
corner-previous = Coin précédent
corner-next = Coin suivant
corner-add = Ajouter un coin
corner-remove = Supprimer le coin
corner-least = Le coin reste : un contour en demande trois.
corner-undo = Annuler l’étape
corner-done = Terminé
file-other-format = `{ $name }` n’est pas lu ici, seulement GeoJSON (.geojson, .json). Le programme importe GeoPackage, Shapefile, KML, FlatGeobuf, GeoParquet et CSV : `minesegsat sites import FILE`.
file-too-large = `{ $name }` fait { $size } Mo, et cette page lit au plus { $most } Mo. Le programme lit de plus grands fichiers : `minesegsat sites import FILE`.
file-not-json = Le fichier n’est pas du JSON, donc pas du GeoJSON.
file-no-polygon = Le fichier a des points ou des lignes et aucun polygone. Un contour demande un polygone.
file-nothing = Le fichier n’a aucun polygone. Un contour demande un polygone de GeoJSON.
file-no-position = Un polygone du fichier a trop peu de positions, ou une qui n’est pas deux nombres.
file-not-degrees = La position { $x }, { $y } n’est pas une longitude et une latitude en degrés. Le programme lit des fichiers en d’autres coordonnées : `minesegsat sites import FILE`.
wrong-name = Un site demande un nom
wrong-id = Minuscules, chiffres, -, _ et ., d’abord une lettre ou un chiffre, 64 au plus
wrong-number = Un permis demande un numéro
wrong-limit = Des hectares, 0 ou plus
