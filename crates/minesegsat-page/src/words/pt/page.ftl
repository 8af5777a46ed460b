# The map page of `minesegsat serve`. What is in backticks is shown as code.
# Numbers come with the marks of the language. Dates in sentences ($day) are written out, but for English; other dates are YYYY-MM-DD.

## Frame

skip-to-sites = Ir para os locais
skip-to-map = Ir para o mapa
views = Vistas
tab-sites = Locais
tab-predictions = Predições
copy-link = Copiar link
copied = Copiado
link-copied = O link foi copiado
link-prompt = Link para o que é mostrado
language = Idioma
language-reloads = A página é recarregada no idioma escolhido
colours-system = Cores: as do sistema
colours-light = Cores: claras
colours-dark = Cores: escuras
map = Mapa
map-height = Altura do mapa
map-share = { $share } para o mapa
loading = Carregando
loading-sites = Carregando os locais
loading-map = Carregando o mapa
cancel = Cancelar
try-again = Tentar de novo
close-message = Fechar esta mensagem
# A failure: what it is of, then the reason.
failure-of = { $what }:

## Server

server-unreachable = Não foi possível contatar o servidor. Verifique se ele está em execução e tente de novo.
server-status = O servidor respondeu com o código { $status }
# Stands before words of the server, which are English.
server-says = Resposta do servidor:
# Stands before the sentence of the register, which is English.
record-text = Texto do registro (em inglês):
token-asked = Este servidor pede um token de acesso
sites-failed = Não foi possível carregar os locais
token-enter = Informar o token
token-heading = Token do servidor
token = Token
token-kept = Fica guardado até esta aba ser fechada e só é enviado a este servidor.
token-use = Usar este token
token-wrong = O servidor não conhece este token. Confira-o e tente de novo.
token-for-jobs = Para executar tarefas, este servidor exige seu token.

## Access: the caller's token, name and role

# $who is `access-operator-name` or the name of a user.
access-of = Acesso: { $who }
access-none-name = sem token
access-operator-name = token do servidor
access-heading = O seu acesso
access-none = Você não deu nenhum token. O que pode ser lido é mostrado, e um token é pedido quando for preciso.
access-operator = Você usa o token do servidor, que tem todos os direitos.
access-user = Você é { $name }, com o papel `{ $role }`:
access-read = Você lê tudo.
access-order = Você lê tudo, procura novas cenas, executa predições e as remove.
access-register = Você lê tudo, procura novas cenas, executa e remove predições, e altera locais e licenças.
access-other = Usar outro token
access-forget = Esquecer o token
access-close = Fechar
role-lacking = Você é { $name }, com o papel `{ $role }`. Aqui é preciso o papel `{ $needed }`. O operador do servidor dá os papéis.

## Jobs

job-queued = Na fila
job-running = Em andamento
job-done = Concluída
job-failed = Falhou
job-cancelled = Cancelada
job-progress = Progresso: { $title }
job-cancelling = Cancelamento
jobs = Tarefas
jobs-list = Lista de tarefas
dismiss = Dispensar

## List of sites

sites = Locais
sites-list = Lista de locais
sites-count =
    { $count ->
        [one] { $count } local
       *[other] { $count } locais
    }
sites-shown =
    { $count ->
        [one] { $count } local exibido
       *[other] { $count } locais exibidos
    }
sites-of = { $shown } de { $all } locais
sites-search = Buscar locais por nome, titular, substância, licença ou identificador, e no mapa por posição
sites-search-hint = Nome, titular, licença, ou lat, lon
sites-verdicts = Mostrar apenas estes vereditos
sites-order = Ordenar por
order-attention = Prioridade de atenção
order-used = Parcela do limite utilizada
order-date = Última observação
order-name = Nome
sites-none-left = Nenhum local corresponde
sites-none-left-why = Nenhum local tem todas as palavras da busca e um dos vereditos escolhidos.
sites-show-all = Mostrar todos os locais
sites-none = Ainda não há locais
sites-none-how = O registro deste espaço de trabalho está vazio. Para incluir locais:
sites-none-reload = Depois, recarregue esta página.
of-limit = de { $limit }

## Posições

positions = Posições que a busca pode indicar
position = { $lat }° { $lat-side }, { $lon }° { $lon-side }
side-north = N
side-south = S
side-east = L
side-west = O
position-go = Ir para { $position }
position-lat-lon = latitude primeiro
position-lon-lat = longitude primeiro
position-shown = O mapa mostra { $position }
position-mark = A posição { $position }
sites-none-near = Nenhum local a menos de { $distance } km desta posição.

## A site

all-sites = ← Todos os locais
site-failed = Não foi possível mostrar este local
over-time = Evolução
observations = Observações
permits = Licenças
scenes = Cenas
no-permit = O registro não contém nenhuma licença; por isso, nenhum limite é conhecido.
how-to-read = Como interpretar estes dados
how-to-read-text = Os mapas mostram a área alterada, e não quem é responsável por ela. Um excesso é motivo para examinar o caso, e não prova de infração: é possível que falte no registro uma revisão da licença. O relatório explica como os números foram obtidos.
last-observation = { $date }, última observação
monitor-looks = `minesegsat monitor run` busca cenas deste local.
observation-gone = Uma observação deste link não existe mais; a última é mostrada.
corrections = Correções
# The reason follows; it is English.
corrected = Veredito revisto em { $day }; até então: { $verdict }. Motivo:
corrected-by = Alterado por { $name }.
warnings = Avisos

## Figures of an observation

disturbed-land = Área alterada
mapped = Mapeada
mapped-note = pixels inteiros da máscara
assumed = Suposta
assumed-note = na parte não vista
limit = Limite
permit-number = licença { $permit }
gain = Ganho
loss = Perda
since = desde { $day }
below-noise = abaixo do ruído de { $floor }
outside-permit = Fora da licença
outside-permit-note = mapeada dentro do local
outside-site = Fora do local
outside-site-note = mapeada, contígua à do interior
seen-share = Parte vista do local
beyond-scenes = { $share } fora das cenas
disagrees-with-dates = Diverge de todas as datas
disagrees-note = dos pixels vistos; uma parte grande indica uma data duvidosa
shared-outline = Partilhado com outros locais
shared-note = do contorno; o terreno conta para cada local
change-below-noise = { $change } vistos, abaixo do ruído de { $floor }

## Tables

observations-caption = Observações do local, primeiro as mais recentes
date = Data
verdict = Veredito
disturbed-ha = Área alterada, ha
interval-ha = Intervalo, ha
interval-at-level-ha = Intervalo de { $level }, ha
limit-ha = Limite, ha
seen = Visto
disagrees = Diverge
from-to = { $from } a { $to }
permits-caption = Licenças do local
permit = Licença
from = De
to = Até
document = Documento
open-ended = sem vencimento
scenes-caption = Cenas em que se baseiam as observações, primeiro as mais recentes
scene = Cena
cloud-cover = Cobertura de nuvens
baseline = Versão de processamento
offset = Deslocamento da reflectância

## Chart

chart = O gráfico
chart-quantity = O que o gráfico mostra
gain-and-loss = Ganho e perda
chart-area-legend = Os símbolos são os vereditos, as barras verticais o intervalo, a linha tracejada o limite.
chart-change-legend = Ganho para cima, perda para baixo, desde a observação anterior.
chart-ndvi-legend = Vegetação; linha contínua dentro do local, tracejada ao redor.
chart-bsi-legend = Solo exposto; linha contínua dentro do local, tracejada ao redor.
chart-ndwi-legend = Água; linha contínua dentro do local, tracejada ao redor.
chart-label = { $quantity } por data. { $legend } Os valores estão na tabela de observações.
reading-change = { $date }: ganho { $gain }, perda { $loss }
reading-index = { $date }: { $inside } dentro, { $around } ao redor
reading-area = { $date }: { $area } ({ $interval }), { $verdict }
reading-unseen = { $date }: { $share } do local vistos, { $verdict }

## Report and downloads

downloads = Relatório e downloads
report = Relatório
# Follows `report`, for screen readers.
opens-in-tab = (abre em nova aba)
evidence-pack = Pacote de provas de { $day }
report-pdf = Relatório em PDF
more-files = Mais arquivos
files-of-land = Área alterada de todas as datas
files-of-day = Rasters de { $day }
files-of-site = Local, licenças e observações
raster-mask = Área mapeada (GeoTIFF)
raster-probability = Probabilidade (GeoTIFF)
raster-change = Mudança (GeoTIFF)
raster-onset = Datas da alteração (GeoTIFF)
raster-state = Estado em todas as datas (GeoTIFF)
downloaded = Baixado: { $what }

## Looking for new scenes

look = Buscar novas cenas
looking = Busca de novas cenas
look-started = A busca de novas cenas começou
look-searching = busca
look-cancelled = A busca foi cancelada.
look-found =
    { $count ->
        [one] { $count } nova observação
       *[other] { $count } novas observações
    }
# $found is `look-found`, $sites is `sites-count`.
look-found-at = { $found } em { $sites }
look-nothing-new = Nada de novo desde { $day }
look-no-scene = Nenhuma cena que mostre o local foi encontrada

## Dates on the map

dates = Datas
before = Antes
after = Depois
compare = Antes: comparar com uma data anterior
before-earlier = Data anterior para “antes”
before-later = Data posterior para “antes”
after-earlier = Data anterior para “depois”
after-later = Data posterior para “depois”
none-earlier = nenhuma data anterior
date-reading = { $date }, { $area } de área alterada, { $verdict }
date-said = { $date }: { $area } de área alterada, { $verdict }
divider = Divisor entre antes e depois
divider-at = antes { $before }, depois { $after }

## Map

map-help = Mapa. As setas o movem, mais e menos mudam a escala. A lista contém os mesmos locais.
map-no-webgl = O mapa não pode ser desenhado, pois este navegador não tem WebGL. Listas, números, tabelas e downloads funcionam sem ele.
zoom-in = Aproximar
zoom-out = Afastar
attribution-toggle = Mostrar ou ocultar as fontes
print-map = Imprimir o mapa
print-dates = Esquerda: { $before }. Direita: { $after }.
print-made = Impresso em { $day } de { $workspace }. Centro do mapa: { $position }.
coastlines = Linhas de costa
coastlines-failed = não foi possível carregar as linhas de costa ({ $status })
outlines-of-disturbed = Contornos da área alterada
prediction-polygons = Polígonos da predição

## Layers and legends

layers = Camadas
picture = Imagem
picture-opacity = Opacidade da imagem
picture-true-colour = Cor natural
picture-false-colour = Falsa cor, infravermelho
picture-swir = Infravermelho de ondas curtas
picture-ndvi = NDVI, vegetação
picture-bsi = BSI, solo exposto
picture-ndwi = NDWI, água
picture-none = Sem imagem
overlay = Camada sobreposta
overlay-opacity = Opacidade da camada sobreposta
overlay-none = Nenhuma
overlay-probability = Probabilidade de área alterada
overlay-mask = Área alterada
overlay-change = Ganho e perda desde a data anterior
overlay-change-since-first = Ganho e perda desde a primeira data
overlay-onset = Data da alteração
outlines = Contornos
outline-disturbed = Área alterada
outline-gain = Ganho
outline-loss = Perda
outline-permit = Licença
outline-boundary = Local
changes-since = Ganho e perda desde { $day }.
legend = Legenda: { $title }
legend-bar = Escala de cores de { $low }, { $low-words }, passando por { $middle }, a { $high }, { $high-words }
legend-low = baixo
legend-high = alto
legend-ndvi-low = água, solo exposto
legend-ndvi-high = vegetação
legend-bsi-low = vegetação
legend-bsi-high = solo exposto
legend-ndwi-low = terra seca
legend-ndwi-high = água livre
legend-probability-low = não alterada
legend-probability-high = alterada
legend-onset-low = primeira data
legend-onset-high = última data
class-disturbed = Área alterada
class-gain = Ganho, alteração nova
class-loss = Perda, não mais alterada
class-stable = Alterada nas duas datas
class-not-assessable = Não avaliável
note-false-colour = A vegetação aparece vermelha; o solo exposto, de cinza a verde-azulado.
note-swir = A vegetação aparece verde; a rocha e o solo expostos, de violeta a branco.

## Predictions

predictions = Predições
prediction = Predição
prediction-of = A predição
predictions-lead = Mapeia a área alterada em um retângulo, na cena mais limpa entre duas datas.
predictions-off = Este servidor não executa tarefas. As predições que `minesegsat predict` grava no espaço de trabalho estão abaixo.
predictions-here = Neste espaço de trabalho
predictions-none = Ainda não há predições.
prediction-run = Executar a predição
prediction-started = A predição começou
prediction-not-started = A predição não começou: há campos a corrigir.
prediction-show = Mostrar no mapa
prediction-shown = A predição { $name } está no mapa
prediction-gone = `{ $name }` não está no espaço de trabalho
prediction-bounds = Cantos
prediction-created = Feita
prediction-remove = Remover a predição
prediction-remove-sure = Remover a predição { $name } com os seus arquivos? Não se pode desfazer. A cena baixada permanece em `scenes/{ $name }`.
prediction-removed = A predição { $name } foi removida
box-draw = Desenhar um retângulo no mapa
box-stop = Parar de desenhar
box-help = Arraste no mapa para desenhar um retângulo. Escape interrompe. As bordas também podem ser digitadas.
box-drawing = Desenho
box-extent = Usar a extensão do mapa
box-degrees = Retângulo, em graus
box-none = Ainda não há retângulo.
box-size = Retângulo de { $area } km².
field-west = Oeste
field-south = Sul
field-east = Leste
field-north = Norte
field-from = De
field-to = Até
field-max-cloud = Cobertura máxima de nuvens, %
wrong-degrees = Graus de −{ $most } a { $most }
wrong-east = Deve ficar a leste da borda oeste
wrong-north = Deve ficar ao norte da borda sul
wrong-date = Uma data como 2024-07-31
wrong-to = Não deve ser anterior ao primeiro dia
wrong-cloud = Porcentagem de 0 a 100

## Alterações de locais e licenças

site-add = Adicionar um local
site-edit = Editar o local
site-edit-of = Editar { $name }
site-remove = Remover o local
site-remove-sure = Remover { $name } do registro, com { $permits } e { $observations }? Os seus vereditos e o histórico deles também desaparecem. Não se pode desfazer. Os arquivos das observações permanecem no espaço de trabalho.
site-removed = { $name } foi removido
site-remove-conflict = O local mudou desde que foi mostrado, por isso nada foi removido. Confira-o e tente de novo.
permits-count =
    { $count ->
        [0] nenhuma licença
        [one] { $count } licença
       *[other] { $count } licenças
    }
observations-count =
    { $count ->
        [0] nenhuma observação
        [one] { $count } observação
       *[other] { $count } observações
    }
permit-add = Adicionar uma licença
permit-add-to = Adicionar uma licença a { $name }
permit-change = Alteração
permit-withdraw = Retirar
permit-withdraw-of = Retirar a licença { $permit }
permit-withdraw-sure = Retirar a licença { $permit }? Os vereditos dos dias em que valia serão emitidos de novo.
permit-withdrawn = A licença { $permit } foi retirada
permit-judges-again = Esta licença muda vereditos de observações guardadas. Nada foi salvo ainda. Salvar mesmo assim?
permit-store-anyway = Salvar mesmo assim
permit-field-number = Número da licença
permit-field-from = Primeiro dia
permit-field-to = Último dia, se conhecido
permit-field-limit = Limite em hectares, se houver
permit-supersede = A licença { $permit } termina no dia anterior
editor-name = Nome
editor-operator = Titular
editor-commodity = Substância
editor-status = Situação
editor-id = Identificador
editor-id-hint = formado a partir do nome se vazio
editor-save = Salvar
editor-saved = { $name } foi salvo
editor-not-saved = Nada foi salvo: alguns campos precisam de outro valor.
editor-leave = Sair sem salvar?
editor-id-taken = Outro local tem este identificador. Indique outro.
editor-too-large = O contorno é grande demais para este servidor.
editor-read-only = Este servidor é somente leitura.
editor-gone = Este local não está mais no registro.
conflict = Outra pessoa alterou este local depois que você o abriu. Nada foi salvo.
conflict-value = { $what } agora é { $value }
conflict-outline = O contorno mudou.
conflict-permits = As licenças mudaram.
conflict-theirs = Recomeçar a partir dos valores atuais
conflict-mine = Salvar os meus valores mesmo assim
step-outline = Primeiro indique o contorno do local.
step-name = Agora indique o nome do local.
step-save = Confira o contorno no mapa e salve. Depois pode adicionar uma licença com o seu limite.
step-edit = Altere o que estiver errado e salve. Um novo contorno só vale para as observações posteriores.
step-permit = Indique número, primeiro dia e limite. Os vereditos dos dias em que vale serão emitidos de novo.
outline-boundary-of = Contorno
outline-draw = Desenhar no mapa
outline-corners = Mover cantos
outline-take-site = Partir do contorno do local
outline-take-permit = Partir do contorno de { $permit }
outline-file = Escolher um arquivo GeoJSON
outline-formats = Um arquivo GeoJSON também pode ser solto sobre a página. GeoPackage, Shapefile, KML, FlatGeobuf, GeoParquet e CSV são importados com `minesegsat sites import FILE`, também com muitos locais.
outline-none = Ainda não há contorno.
outline-none-permit = Sem contorno próprio, a licença vale para o contorno do local.
outline-area = Contorno de cerca de { $area }.
outline-read =
    { $count ->
        [one] De { $name }: um polígono.
       *[other] De { $name }: { $count } polígonos, que formam um contorno.
    }
outline-others =
    { $count ->
        [one] Um ponto ou uma linha fica de fora.
       *[other] { $count } pontos ou linhas ficam de fora.
    }
draw-first = Clique no primeiro canto do contorno.
draw-first-keys = Com o teclado: as setas movem o mapa, a barra de espaço põe um canto no seu centro. Esc interrompe.
draw-next =
    { $count ->
        [one] Há um canto. Clique no seguinte; são precisos três.
       *[other] Há { $count } cantos. Clique no seguinte; são precisos três.
    }
draw-more = Há { $count } cantos. Continue, ou termine.
draw-more-keys = Duplo clique ou Enter termina, Backspace retira o último canto.
draw-undo = Retirar um canto
draw-finish = Terminar
corners-help = Arraste um canto para movê-lo, ou o meio de um lado para adicionar um.
corners-touch = Mantenha um canto pressionado para removê-lo.
corners-keys = Teclas: Page Up e Page Down escolhem um canto, as setas o movem (mais longe com Shift), + adiciona um, Delete o remove, Enter termina, Esc abandona.
corners-too-many = O contorno tem { $count } cantos, e aqui no máximo { $most } podem ser movidos. Desenhe o contorno de novo, ou escolha um arquivo alterado.
corner-of = Canto { $number } de { $count }, { $position }
corner-previous = Canto anterior
corner-next = Canto seguinte
corner-add = Adicionar um canto
corner-remove = Remover o canto
corner-least = O canto fica: um contorno precisa de três.
corner-undo = Desfazer
corner-done = Concluído
file-other-format = `{ $name }` não é lido aqui, só GeoJSON (.geojson, .json). O programa importa GeoPackage, Shapefile, KML, FlatGeobuf, GeoParquet e CSV: `minesegsat sites import FILE`.
file-too-large = `{ $name }` tem { $size } MB, e esta página lê no máximo { $most } MB. O programa lê arquivos maiores: `minesegsat sites import FILE`.
file-not-json = O arquivo não é JSON, portanto não é GeoJSON.
file-no-polygon = O arquivo tem pontos ou linhas e nenhum polígono. Um contorno precisa de um polígono.
file-nothing = O arquivo não tem nenhum polígono. Um contorno precisa de um polígono de GeoJSON.
file-no-position = Um polígono do arquivo tem poucas posições, ou uma que não são dois números.
file-not-degrees = A posição { $x }, { $y } não é uma longitude e uma latitude em graus. O programa lê arquivos em outras coordenadas: `minesegsat sites import FILE`.
wrong-name = Um local precisa de um nome
wrong-id = Minúsculas, algarismos, -, _ e ., primeiro uma letra ou algarismo, no máximo 64
wrong-number = Uma licença precisa de um número
wrong-limit = Hectares, 0 ou mais
