# Reports of single sites and of all sites.

# Headings and labels
disturbed-land-of = { $site }: área alterada
never-observed = nunca observado
last-observed-on = última observação: { $date }
key-numbers = Números principais
quantity = Grandeza
value = Valor
note = Nota
before-and-after = Antes e depois
before = Antes: { $date }
after = Depois: { $date }
picture-of = Imagem em cor natural do local em { $date }, com contornos
no-picture = Ainda não há imagem do local.
same-brightness = As duas imagens têm a mesma escala de brilho.
own-brightness = Cada imagem tem sua própria escala de brilho: os brilhos não são comparáveis.
north = N
over-time = Evolução
new-land = Quando o terreno foi alterado
no-new-land = Nenhum terreno foi alterado entre { $first } e { $last }.
undisturbed-on = Última data sem alteração
disturbed-on = Primeira data alterada
confirmed-column = Confirmado, ha
provisional-column = Provisório, ha
onset-picture = Terreno novo segundo a data da sua alteração, do violeta ({ $first }) ao amarelo pálido ({ $last }).
disagreeing = { $share } contradiz o conjunto das datas
observations = Observações
permits = Licenças
scenes = Cenas
method-and-limits = Método e limites
made-by = Produzido em { $time } por { $software }
copernicus = Imagens Sentinel-2: contém dados Copernicus Sentinel modificados.
page-of = { $page } de { $pages }
wording-of-the-record = Texto do registro, em inglês
no-proof = Este relatório, sozinho, não prova uma infração.
not-observed-yet = O local está no registro, mas ainda não foi observado.

# Status of a site
status-active = ativo
status-planned = planejado
status-suspended = suspenso
status-closed = fechado
status-reclaimed = recuperado

# Numbers
disturbed-land = Área alterada
disturbed-land-note = intervalo de { $level } %: { $lower } a { $upper } ha, em { $date }
estimated = Estimada na parte visível
estimated-note = soma das probabilidades
assumed = Suposta na parte não vista
assumed-note = não visto: { $share } do local
mapped = Mapeada
mapped-note = pixels acima do limiar de probabilidade
limit = Limite
limit-of-permit = licença { $number }
permit-unknown = número da licença desconhecido
no-limit-known = o registro não tem limite para essa data
outside-permit = Mapeada fora da área permitida
outside-permit-note = dentro do local
outside-site = Mapeada fora do local
outside-site-note = contígua a área dentro do local
gain = Ganho
loss = Perda
since = desde { $date }
below-noise = { $ha } vistos, abaixo do ruído de { $floor }
below-noise-note = abaixo do ruído de { $floor }
no-earlier-date = não há data anterior para comparar
share-seen = Parte visível do local
beyond-the-scenes = { $share } fora das cenas
not-assessable-on = não avaliável em { $date }

provisional = provisório

# Dates
# A date in a sentence.
date-written = { $day ->
    [1] 1º
   *[other] { $day }
} de { $month ->
    [1] janeiro
    [2] fevereiro
    [3] março
    [4] abril
    [5] maio
    [6] junho
    [7] julho
    [8] agosto
    [9] setembro
    [10] outubro
    [11] novembro
   *[12] dezembro
} de { $year }

# Outlines on pictures
outline-disturbed = área alterada nessa data
outline-gain = ganho: área recém-alterada, desde { $date }
outline-loss = perda: não mais alterada desde { $date }
outline-permit = área permitida
outline-boundary = limite do local

# The chart
chart-of-areas = Área alterada por data com intervalos, limite das licenças, ganho e perda. A tabela contém os números.
axis-area = Área alterada (ha)
axis-change = Mudança (ha)
axis-date = Data da observação
key-interval = intervalo de { $level } % da área
key-limit = limite das licenças no registro
axis-cut = O eixo das áreas não começa em zero.
nothing-to-draw = Não há nada a desenhar antes da primeira observação.
chart-limit = limite { $ha } ({ $permit })
chart-limit-short = limite { $ha }

# Tables
date = Data
area-and-interval = Área alterada e intervalo (ha)
verdict = Veredito
share-column = Visível
limit-column = Limite (ha)
outside-column = Fora da licença e do local (ha)
gain-column = Ganho (ha)
loss-column = Perda (ha)
observations-left-out = { $count ->
    [one] { $count } observação anterior não é mostrada. O relatório HTML e as exportações a contêm.
   *[other] { $count } observações anteriores não são mostradas. O relatório HTML e as exportações as contêm.
}
permit = Licença
valid-from = Válida desde
valid-to = Válida até
open-ended = sem fim
permitted-area = Área permitida
own-polygon = polígono próprio
site-boundary = limite do local
document = Documento e seu SHA-256
no-permit = Não há licença no registro, portanto não há veredito sobre um limite. Uma licença pode existir.
scene = Cena
cloud = Nuvens, cena inteira
baseline = Versão
scenes-left-out = { $count ->
    [one] { $count } cena de data anterior não é mostrada.
   *[other] { $count } cenas de datas anteriores não são mostradas.
}
no-scene = Nenhuma cena é conhecida.

# Method
method-images = Imagens dos satélites Sentinel-2, com pixels de 10 metros. Uma rede neural estima para cada pixel a probabilidade de que o terreno esteja alterado pela mineração. As probabilidades são calibradas.
method-interval = A área e seu intervalo são calculados a partir dessas probabilidades. Se elas estiverem corretas, a área verdadeira está dentro do intervalo em cerca de { $level } de 100 casos. O intervalo não considera um tipo de terreno que a rede nunca aprendeu.
method-change = Ganho é terreno que está alterado agora e não estava na data anterior. Perda é o contrário, como terreno que as plantas voltam a cobrir. Diferenças abaixo do ruído de cerca de { $floor } são dadas como ausência de mudança.
method-change-without-floor = Ganho é terreno que está alterado agora e não estava na data anterior. Perda é o contrário, como terreno que as plantas voltam a cobrir. Diferenças abaixo do ruído são dadas como ausência de mudança.
method-unseen = O terreno sob nuvens, na sombra ou sem dados não é avaliado. Sua parte de área alterada é suposta, e sempre indicada.
method-limits = O relatório mostra área alterada, e não quem é responsável por ela. Rocha nua, campos, estradas e margens de rios podem parecer uma mina. Os limites são os do registro: pode faltar uma revisão de licença. Por isso, um excesso é motivo para olhar mais de perto e perguntar, e não prova de infração.
model = Modelo
weights = Pesos (SHA-256)
threshold = Limiar de probabilidade
confidence = Nível de confiança
noise-floor = Ruído da mudança
software = Programa
boundary-sha256 = Limite do local (SHA-256)
corrected = O veredito de { $date } foi revisto em { $day }. Até então era: { $verdict }.

# All sites
register-of-sites = Registro de locais
sites-in-register = { $count ->
    [one] { $count } local
   *[other] { $count } locais
}
locations = Localização
map-of-sites = Posições dos locais por longitude e latitude, com as formas de seus vereditos. A tabela contém os mesmos dados.
sites = Locais
site = Local
last-observation = Última observação
share-of-limit = Parte usada do limite
no-site = O registro não tem nenhum local.

# HTML pages
satellite-picture = Imagem de satélite
divider = Divisor entre antes (esquerda) e depois (direita); arraste-o ou use as setas do teclado
divider-at = antes { $before }, depois { $after }
shown-over-pictures = Mostrado sobre as imagens
warnings-on-observation = Avisos sobre esta observação
notes-on-register = Notas sobre o registro
last-assessable = Última observação avaliável, em { $date }: { $verdict }.
never-assessable = O local ainda não pôde ser avaliado em nenhuma data.
footnote = Segundo as licenças do registro: pode faltar uma revisão da licença.
from-to = { $from } a { $to }
parts-seen = { $estimated } estimados; { $mapped } mapeados
parts-with-unseen = { $estimated } estimados, { $assumed } supostos na parte não vista; { $mapped } mapeados
area-with-interval = Área alterada, intervalo
outside-permit-short = Fora da licença
outside-site-short = Fora do local
limit-and-permit = Limite, licença
permits-known = Estas são as licenças do registro.
offset = Deslocamento dos valores digitais
offsets = Deslocamento radiométrico de cada cena
numbers-of-chart = Os números deste gráfico
from-column = De (ha)
to-column = Até (ha)
seen-of-site = { $share } do local vistos
permit-title = Licença { $number }: no máximo { $ha }, de { $from } a { $to }
permit-title-open = Licença { $number }: no máximo { $ha }, desde { $from }
indices = Plantas verdes, solo exposto e água
indices-by-date = Medianas dos índices por data, dentro do local e ao redor. A tabela abaixo contém os números.
index-ndvi = plantas verdes
index-bsi = solo exposto
index-ndwi = água livre
index-inside = { $index } dentro do local
index-around = { $index } ao redor
median-inside = mediana dentro do local
median-around = mediana ao redor do local
method-images-heading = O que foi analisado
method-images-more = Dos pixels com 70 %, cerca de 70 em 100 eram área alterada nos dados de calibração.
method-interval-heading = O que significa o intervalo
method-interval-more = Ele considera os erros comuns a pixels vizinhos.
method-change-heading = Ganho, perda e ruído
method-change-more = Mapas de duas datas diferem um pouco mesmo em locais onde nada aconteceu.
method-unseen-more = Se a parte visível de um local é pequena demais, não há veredito. Isso não significa que o local respeite seu limite.
verdicts-heading = O que significam os vereditos
method-limits-heading = O que este relatório não mostra
model-and-software = Modelo e programa
none-observed = nenhum observado ainda
damaged-rows = Linhas do registro que não podem ser usadas
filter-words = Nome, titular ou substância
all-verdicts = todos
sites-shown = { $shown } de { $all } mostrados
how-to-read = Como ler este relatório
how-to-read-text = Cada veredito compara a última observação de um local com a licença em vigor nesse dia. A área vem com um intervalo; um possível excesso significa que o limite está dentro dele. Não avaliável não significa nem que o limite foi respeitado nem que foi excedido. Os mapas mostram área alterada, e não quem é responsável por ela, e no registro pode faltar uma revisão de uma licença: um excesso é motivo para olhar mais de perto, e não prova de infração. O relatório de cada local explica como seus números foram obtidos.
side-north = N
side-south = S
side-east = L
side-west = O
