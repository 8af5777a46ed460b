# Alerts by mail.
# $site: name of a site. $ha, $limit: hectares with their unit. $day, $since: dates, written out. $title: `alert-title`.

## Subject and lead

alert-subject = { $count } constatações, primeiro { $title }
alert-title = { $site }: { $what }, { $day }
alert-title-without-day = { $site }: { $what }
# There are two findings or more.
alert-lead = { $sites ->
    [one] { $count } constatações em um local.
   *[other] { $count } constatações em { $sites } locais.
}

## What was found

alert-provisional = { $what } (provisório)
alert-confirmed = { $what } (confirmado)
alert-withdrawn = retirado: { $what }
alert-exceeded = limite excedido
alert-exceeded-limit = limite de { $limit } excedido
alert-possible-exceedance = possível excesso em relação ao limite
alert-possible-exceedance-limit = possível excesso em relação ao limite de { $limit }
alert-outside-permit = possível alteração fora da licença, { $ha }
alert-gain = { $ha } de nova área alterada
alert-gain-since = { $ha } de nova área alterada desde { $since }
alert-not-assessable = nenhuma imagem utilizável
alert-not-assessable-since = nenhuma imagem utilizável desde { $since }
# $before, $now: short names of verdicts.
alert-corrected = veredito corrigido: { $now }
alert-corrected-from = veredito corrigido: { $now } em vez de { $before }
alert-test = um teste deste canal
alert-unknown-area = área desconhecida

## Lines of a finding

alert-line = { $label }: { $value }
alert-finding = Constatação
alert-day = Dia da cena
alert-standing = Situação
alert-standing-provisional = provisório
alert-standing-confirmed = confirmado
alert-standing-withdrawn = retirado
alert-previous-verdict = Veredito anterior
# $interval is `interval-at-level`.
alert-area = { $ha } ({ $interval })
alert-permit = { $permit }, limite { $limit }
alert-site-id = Identificador do local
alert-id = Alerta
alert-map-page = O local no mapa
alert-picture = Imagem em cores naturais de { $day }.
alert-picture-boundary = A linha branca é o limite do local.
alert-picture-change = O laranja marca o ganho desde { $since }, o violeta a perda.

## Sentences

alert-caveat = É possível que falte no registro uma revisão da licença: verifique a licença em vigor antes de tirar conclusões.
alert-test-statement = Este é um teste do canal. Nenhum local foi observado, e nada foi encontrado.
alert-no-scene = Nenhuma cena nova do local foi encontrada até { $day }. Ele foi visto pela última vez em { $since }.
alert-no-scene-ever = Nenhuma cena nova do local foi encontrada até { $day }. Ele não foi visto desde { $since }.
