<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>
<qgis version="3.22.0" styleCategories="Symbology|Fields|Forms">
  <renderer-v2 type="singleSymbol" symbollevels="0" enableorderby="0" forceraster="0">
    <symbols>
      <symbol type="fill" name="0" alpha="1" clip_to_extent="1" force_rhr="0"><layer class="SimpleFill" enabled="1" locked="0" pass="0"><Option type="Map">
        <Option type="QString" name="color" value="0,0,0,0"/><Option type="QString" name="style" value="solid"/>
        <Option type="QString" name="outline_color" value="35,35,35,255"/><Option type="QString" name="outline_style" value="solid"/>
        <Option type="QString" name="outline_width" value="0.6"/><Option type="QString" name="outline_width_unit" value="MM"/>
      </Option></layer></symbol>
    </symbols>
  </renderer-v2>
  <fieldConfiguration>
    <field name="fid"><editWidget type="Hidden"><config><Option/></config></editWidget></field>
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
  </fieldConfiguration>
  <aliases>
    <alias index="0" field="fid" name="Number"/>
    <alias index="1" field="id" name="Id (short name, lower-case)"/>
    <alias index="2" field="name" name="Name"/>
    <alias index="3" field="operator" name="Operator"/>
    <alias index="4" field="commodity" name="Commodity"/>
    <alias index="5" field="status" name="Status"/>
  </aliases>
  <defaults>
    <default field="fid" expression="" applyOnUpdate="0"/>
    <default field="id" expression="" applyOnUpdate="0"/>
    <default field="name" expression="" applyOnUpdate="0"/>
    <default field="operator" expression="" applyOnUpdate="0"/>
    <default field="commodity" expression="" applyOnUpdate="0"/>
    <default field="status" expression="'active'" applyOnUpdate="0"/>
  </defaults>
  <constraints>
    <constraint field="fid" constraints="0" notnull_strength="0" unique_strength="0" exp_strength="0"/>
    <constraint field="id" constraints="7" notnull_strength="1" unique_strength="1" exp_strength="1"/>
    <constraint field="name" constraints="5" notnull_strength="1" unique_strength="0" exp_strength="1"/>
    <constraint field="operator" constraints="0" notnull_strength="0" unique_strength="0" exp_strength="0"/>
    <constraint field="commodity" constraints="0" notnull_strength="0" unique_strength="0" exp_strength="0"/>
    <constraint field="status" constraints="5" notnull_strength="1" unique_strength="0" exp_strength="1"/>
  </constraints>
  <constraintExpressions>
    <constraint field="fid" exp="" desc=""/>
    <constraint field="id" exp="regexp_match(&quot;id&quot;, '^[a-z0-9][a-z0-9._-]{0,63}$') &gt; 0" desc="Write the id with lower-case letters, digits, - _ and . only. It begins with a letter or digit and has at most 64 characters. Each site has an id of its own."/>
    <constraint field="name" exp='length(trim("name")) &gt; 0' desc="Write the name of the site."/>
    <constraint field="operator" exp="" desc=""/>
    <constraint field="commodity" exp="" desc=""/>
    <constraint field="status" exp="&quot;status&quot; IN ('active', 'planned', 'suspended', 'closed', 'reclaimed')" desc="Choose one of: active, planned, suspended, closed, reclaimed."/>
  </constraintExpressions>
  <previewExpression>"name"</previewExpression>
  <blendMode>0</blendMode>
  <layerGeometryType>2</layerGeometryType>
</qgis>
