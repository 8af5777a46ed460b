<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>
<qgis version="3.22.0" styleCategories="Symbology|Fields|Forms">
  <renderer-v2 type="categorizedSymbol" attr="verdict" symbollevels="0" enableorderby="0" forceraster="0">
    <categories>
      <category value="within" symbol="0" label="Within the permit" type="string" render="true"/>
      <category value="possible-exceedance" symbol="1" label="Possible exceedance" type="string" render="true"/>
      <category value="exceeded" symbol="2" label="Exceeded" type="string" render="true"/>
      <category value="not-assessable" symbol="3" label="Not assessable" type="string" render="true"/>
      <category value="no-limit" symbol="4" label="No limit known" type="string" render="true"/>
      <category value="" symbol="5" label="Not observed yet" type="string" render="true"/>
    </categories>
    <symbols>
      <symbol type="fill" name="0" alpha="1" clip_to_extent="1" force_rhr="0"><layer class="SimpleFill" enabled="1" locked="0" pass="0"><Option type="Map">
        <Option type="QString" name="color" value="27,158,119,90"/><Option type="QString" name="style" value="solid"/>
        <Option type="QString" name="outline_color" value="27,158,119,255"/><Option type="QString" name="outline_style" value="solid"/>
        <Option type="QString" name="outline_width" value="0.5"/><Option type="QString" name="outline_width_unit" value="MM"/>
      </Option></layer></symbol>
      <symbol type="fill" name="1" alpha="1" clip_to_extent="1" force_rhr="0"><layer class="SimpleFill" enabled="1" locked="0" pass="0"><Option type="Map">
        <Option type="QString" name="color" value="230,171,2,90"/><Option type="QString" name="style" value="solid"/>
        <Option type="QString" name="outline_color" value="230,171,2,255"/><Option type="QString" name="outline_style" value="solid"/>
        <Option type="QString" name="outline_width" value="0.5"/><Option type="QString" name="outline_width_unit" value="MM"/>
      </Option></layer></symbol>
      <symbol type="fill" name="2" alpha="1" clip_to_extent="1" force_rhr="0"><layer class="SimpleFill" enabled="1" locked="0" pass="0"><Option type="Map">
        <Option type="QString" name="color" value="217,30,24,90"/><Option type="QString" name="style" value="solid"/>
        <Option type="QString" name="outline_color" value="217,30,24,255"/><Option type="QString" name="outline_style" value="solid"/>
        <Option type="QString" name="outline_width" value="0.5"/><Option type="QString" name="outline_width_unit" value="MM"/>
      </Option></layer></symbol>
      <symbol type="fill" name="3" alpha="1" clip_to_extent="1" force_rhr="0"><layer class="SimpleFill" enabled="1" locked="0" pass="0"><Option type="Map">
        <Option type="QString" name="color" value="150,150,150,90"/><Option type="QString" name="style" value="solid"/>
        <Option type="QString" name="outline_color" value="150,150,150,255"/><Option type="QString" name="outline_style" value="solid"/>
        <Option type="QString" name="outline_width" value="0.5"/><Option type="QString" name="outline_width_unit" value="MM"/>
      </Option></layer></symbol>
      <symbol type="fill" name="4" alpha="1" clip_to_extent="1" force_rhr="0"><layer class="SimpleFill" enabled="1" locked="0" pass="0"><Option type="Map">
        <Option type="QString" name="color" value="90,120,170,90"/><Option type="QString" name="style" value="solid"/>
        <Option type="QString" name="outline_color" value="90,120,170,255"/><Option type="QString" name="outline_style" value="solid"/>
        <Option type="QString" name="outline_width" value="0.5"/><Option type="QString" name="outline_width_unit" value="MM"/>
      </Option></layer></symbol>
      <symbol type="fill" name="5" alpha="1" clip_to_extent="1" force_rhr="0"><layer class="SimpleFill" enabled="1" locked="0" pass="0"><Option type="Map">
        <Option type="QString" name="color" value="255,255,255,90"/><Option type="QString" name="style" value="solid"/>
        <Option type="QString" name="outline_color" value="90,90,90,255"/><Option type="QString" name="outline_style" value="solid"/>
        <Option type="QString" name="outline_width" value="0.5"/><Option type="QString" name="outline_width_unit" value="MM"/>
      </Option></layer></symbol>
    </symbols>
  </renderer-v2>
  <fieldConfiguration>
    <field name="OGC_FID"><editWidget type="Hidden"><config><Option/></config></editWidget></field>
    <field name="id"><editWidget type="TextEdit"><config><Option/></config></editWidget></field>
    <field name="name"><editWidget type="TextEdit"><config><Option/></config></editWidget></field>
    <field name="operator"><editWidget type="TextEdit"><config><Option/></config></editWidget></field>
    <field name="commodity"><editWidget type="TextEdit"><config><Option/></config></editWidget></field>
    <field name="status"><editWidget type="ValueMap"><config><Option type="Map"><Option type="List" name="map">
        <Option type="Map"><Option type="QString" name="Active" value="active"/></Option>
        <Option type="Map"><Option type="QString" name="Planned" value="planned"/></Option>
        <Option type="Map"><Option type="QString" name="Suspended" value="suspended"/></Option>
        <Option type="Map"><Option type="QString" name="Closed" value="closed"/></Option>
        <Option type="Map"><Option type="QString" name="Reclaimed" value="reclaimed"/></Option>
      </Option></Option></config></editWidget></field>
    <field name="date"><editWidget type="TextEdit"><config><Option/></config></editWidget></field>
    <field name="verdict"><editWidget type="ValueMap"><config><Option type="Map"><Option type="List" name="map">
        <Option type="Map"><Option type="QString" name="Within the permit" value="within"/></Option>
        <Option type="Map"><Option type="QString" name="Possible exceedance" value="possible-exceedance"/></Option>
        <Option type="Map"><Option type="QString" name="Exceeded" value="exceeded"/></Option>
        <Option type="Map"><Option type="QString" name="Not assessable" value="not-assessable"/></Option>
        <Option type="Map"><Option type="QString" name="No limit known" value="no-limit"/></Option>
      </Option></Option></config></editWidget></field>
    <field name="statement"><editWidget type="TextEdit"><config><Option/></config></editWidget></field>
    <field name="share_assessed"><editWidget type="TextEdit"><config><Option/></config></editWidget></field>
    <field name="area_ha"><editWidget type="TextEdit"><config><Option/></config></editWidget></field>
    <field name="area_lower_ha"><editWidget type="TextEdit"><config><Option/></config></editWidget></field>
    <field name="area_upper_ha"><editWidget type="TextEdit"><config><Option/></config></editWidget></field>
    <field name="limit_ha"><editWidget type="TextEdit"><config><Option/></config></editWidget></field>
    <field name="outside_permit_ha"><editWidget type="TextEdit"><config><Option/></config></editWidget></field>
  </fieldConfiguration>
  <aliases>
    <alias index="0" field="OGC_FID" name="Number"/>
    <alias index="1" field="id" name="Id"/>
    <alias index="2" field="name" name="Name"/>
    <alias index="3" field="operator" name="Operator"/>
    <alias index="4" field="commodity" name="Commodity"/>
    <alias index="5" field="status" name="Status"/>
    <alias index="6" field="date" name="Last observation"/>
    <alias index="7" field="verdict" name="Verdict"/>
    <alias index="8" field="statement" name="Statement"/>
    <alias index="9" field="share_assessed" name="Part seen (0 to 1)"/>
    <alias index="10" field="area_ha" name="Disturbed (ha)"/>
    <alias index="11" field="area_lower_ha" name="Disturbed, lower bound (ha)"/>
    <alias index="12" field="area_upper_ha" name="Disturbed, upper bound (ha)"/>
    <alias index="13" field="limit_ha" name="Limit (ha)"/>
    <alias index="14" field="outside_permit_ha" name="Outside the permit (ha)"/>
  </aliases>
  <defaults>
    <default field="OGC_FID" expression="" applyOnUpdate="0"/>
    <default field="id" expression="" applyOnUpdate="0"/>
    <default field="name" expression="" applyOnUpdate="0"/>
    <default field="operator" expression="" applyOnUpdate="0"/>
    <default field="commodity" expression="" applyOnUpdate="0"/>
    <default field="status" expression="" applyOnUpdate="0"/>
    <default field="date" expression="" applyOnUpdate="0"/>
    <default field="verdict" expression="" applyOnUpdate="0"/>
    <default field="statement" expression="" applyOnUpdate="0"/>
    <default field="share_assessed" expression="" applyOnUpdate="0"/>
    <default field="area_ha" expression="" applyOnUpdate="0"/>
    <default field="area_lower_ha" expression="" applyOnUpdate="0"/>
    <default field="area_upper_ha" expression="" applyOnUpdate="0"/>
    <default field="limit_ha" expression="" applyOnUpdate="0"/>
    <default field="outside_permit_ha" expression="" applyOnUpdate="0"/>
  </defaults>
  <constraints>
    <constraint field="OGC_FID" constraints="0" notnull_strength="0" unique_strength="0" exp_strength="0"/>
    <constraint field="id" constraints="0" notnull_strength="0" unique_strength="0" exp_strength="0"/>
    <constraint field="name" constraints="0" notnull_strength="0" unique_strength="0" exp_strength="0"/>
    <constraint field="operator" constraints="0" notnull_strength="0" unique_strength="0" exp_strength="0"/>
    <constraint field="commodity" constraints="0" notnull_strength="0" unique_strength="0" exp_strength="0"/>
    <constraint field="status" constraints="0" notnull_strength="0" unique_strength="0" exp_strength="0"/>
    <constraint field="date" constraints="0" notnull_strength="0" unique_strength="0" exp_strength="0"/>
    <constraint field="verdict" constraints="0" notnull_strength="0" unique_strength="0" exp_strength="0"/>
    <constraint field="statement" constraints="0" notnull_strength="0" unique_strength="0" exp_strength="0"/>
    <constraint field="share_assessed" constraints="0" notnull_strength="0" unique_strength="0" exp_strength="0"/>
    <constraint field="area_ha" constraints="0" notnull_strength="0" unique_strength="0" exp_strength="0"/>
    <constraint field="area_lower_ha" constraints="0" notnull_strength="0" unique_strength="0" exp_strength="0"/>
    <constraint field="area_upper_ha" constraints="0" notnull_strength="0" unique_strength="0" exp_strength="0"/>
    <constraint field="limit_ha" constraints="0" notnull_strength="0" unique_strength="0" exp_strength="0"/>
    <constraint field="outside_permit_ha" constraints="0" notnull_strength="0" unique_strength="0" exp_strength="0"/>
  </constraints>
  <constraintExpressions>
    <constraint field="OGC_FID" exp="" desc=""/>
    <constraint field="id" exp="" desc=""/>
    <constraint field="name" exp="" desc=""/>
    <constraint field="operator" exp="" desc=""/>
    <constraint field="commodity" exp="" desc=""/>
    <constraint field="status" exp="" desc=""/>
    <constraint field="date" exp="" desc=""/>
    <constraint field="verdict" exp="" desc=""/>
    <constraint field="statement" exp="" desc=""/>
    <constraint field="share_assessed" exp="" desc=""/>
    <constraint field="area_ha" exp="" desc=""/>
    <constraint field="area_lower_ha" exp="" desc=""/>
    <constraint field="area_upper_ha" exp="" desc=""/>
    <constraint field="limit_ha" exp="" desc=""/>
    <constraint field="outside_permit_ha" exp="" desc=""/>
  </constraintExpressions>
  <previewExpression>"name"</previewExpression>
  <blendMode>0</blendMode>
  <layerGeometryType>2</layerGeometryType>
</qgis>
