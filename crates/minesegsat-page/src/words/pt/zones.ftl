# The page of hectares by zone. $number: $count as it is written. $area: hectares without a unit, unless a message says so.

zones-title = Área alterada pela mineração, por zona
zones-lead = { $count ->
    [one] { $number } zona, { $periods }, segundo o modelo { $model }
   *[other] { $number } zonas, { $periods }, segundo o modelo { $model }
}
zones-all = todas as zonas (cada lugar uma vez)

# All zones together. $area has its unit.
zones-mapped-in-all = Mapeada em todas as zonas
zones-of-seen = em { $area } visíveis
zones-since-last = desde o último período que mostra o terreno
zones-outside-all-permits = Mapeada fora de qualquer licença
zones-permits = { $count ->
    [one] { $number } licença
   *[other] { $number } licenças
}

# The map. $area has its unit.
zones-share-heading = Parte das zonas mapeada como alterada, { $period }
zones-map = Mapa das zonas
zones-map-label = Mapa das zonas segundo sua parte de área alterada. As tabelas têm os números.
zones-on-map = { $zone }: { $area } mapeados, { $share }
zones-unseen-on-map = { $zone }: não vista
zones-none = nenhuma
zones-not-seen = não vista

# The table of a period
zones-hectares = Hectares, { $period }
zones-zone = Zona
zones-seen = Visível
zones-share = Parte
zones-compared = Comparada
zones-permitted = Permitida
zones-outside-permits = Mapeada fora das licenças
zones-of-area = de { $area }
zones-missing = { $area } sem mapa
zones-assumed = { $area } supostos
zones-polygons = { $count ->
    [one] { $number } polígono
   *[other] { $number } polígonos
}

# Notes
zones-notes = Como ler estes números
zones-note-areas = Todas as áreas estão em hectares sobre o elipsoide. As zonas podem se sobrepor. A linha de todas as zonas conta cada lugar uma só vez.
zones-note-mapped = Mapeada: pixels que as máscaras mostram como alterados. Eles são contados, por isso não têm intervalo.
zones-note-disturbed = Área alterada: soma das probabilidades, com o intervalo de { $level } %. Inclui a área suposta onde nenhuma cena mostra o solo. O intervalo trata o erro do modelo como comum a todos os blocos de imagem.
zones-note-change = Ganho e perda: área mapeada que apareceu ou desapareceu desde o último período que mostra o lugar, no terreno que tem um período assim (comparada). São diferenças de dois mapas, e sobretudo ruído em áreas pequenas.
zones-note-permits = Licenças: as que são válidas em algum dia do período e cujo terreno está na zona. A área fora das licenças não está em nenhuma delas.
zones-copernicus = Contém dados Copernicus Sentinel modificados, a menos que as cenas sejam simuladas.
