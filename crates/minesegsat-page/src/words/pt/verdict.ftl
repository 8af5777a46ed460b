# Verdicts on a site: shared by the map page, reports and mails.
# $area, $limit: hectares with their unit. $day: a date, written out. $permit: number of a permit.

## Short names

verdict-within = dentro do limite
verdict-possible-exceedance = possível excesso
verdict-exceeded = limite excedido
verdict-not-assessable = não avaliável
verdict-no-limit = sem limite conhecido
verdict-unseen = ainda sem observação

## Headings

verdict-within-heading = Dentro do limite
verdict-possible-exceedance-heading = Possível excesso em relação ao limite
verdict-exceeded-heading = Limite excedido, segundo as licenças conhecidas
verdict-not-assessable-heading = Não avaliável
verdict-no-limit-heading = Sem limite conhecido
verdict-unseen-heading = Ainda sem observação

## What they mean

verdict-within-meaning = Todo o intervalo da área está abaixo do limite.
verdict-possible-exceedance-meaning = O limite está dentro do intervalo: a área pode ser menor ou maior do que ele.
verdict-exceeded-meaning = Todo o intervalo está acima do limite que consta no registro.
verdict-not-assessable-meaning = Foi visível uma parte pequena demais do local para um veredito. Não significa que o limite foi respeitado nem excedido.
verdict-no-limit-meaning = O registro não contém nenhuma licença com limite para esse dia.
verdict-unseen-meaning = Nada foi observado até agora.

revision-may-be-missing = É possível que falte no registro uma revisão da licença.

## One observation. $interval is `interval` or `interval-at-level`

verdict-within-statement = Em { $day } havia { $area } de área alterada ({ $interval }). A licença { $permit } autoriza { $limit }.
verdict-possible-exceedance-statement = Em { $day } havia { $area } de área alterada ({ $interval }). O limite de { $limit } da licença { $permit } está dentro do intervalo.
verdict-exceeded-statement = Em { $day } havia { $area } de área alterada ({ $interval }). A licença { $permit } autoriza { $limit }.
verdict-not-assessable-statement = Em { $day } foram vistos { $share } do local. A área não pode ser comparada com o limite.
verdict-no-limit-statement = Em { $day } havia { $area } de área alterada ({ $interval }). O registro não contém nenhum limite para esse dia.

# $from, $to: hectares without a unit.
interval = { $from } a { $to } ha
# $level: confidence level, in percent.
interval-at-level = intervalo de { $level }: { $from } a { $to } ha
