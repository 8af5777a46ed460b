<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>
<qgis version="3.22.0" styleCategories="Symbology|Fields|Forms">
  <renderer-v2 type="singleSymbol" symbollevels="0" enableorderby="0" forceraster="0">
    <symbols>
      <symbol type="fill" name="0" alpha="1" clip_to_extent="1" force_rhr="0"><layer class="SimpleFill" enabled="1" locked="0" pass="0"><Option type="Map">
        <Option type="QString" name="color" value="0,0,0,0"/><Option type="QString" name="style" value="solid"/>
        <Option type="QString" name="outline_color" value="31,120,180,255"/><Option type="QString" name="outline_style" value="dash"/>
        <Option type="QString" name="outline_width" value="0.6"/><Option type="QString" name="outline_width_unit" value="MM"/>
      </Option></layer></symbol>
    </symbols>
  </renderer-v2>
  <fieldConfiguration>
    <field name="fid"><editWidget type="Hidden"><config><Option/></config></editWidget></field>
    <field name="site"><editWidget type="TextEdit"><config><Option/></config></editWidget></field>
    <field name="number"><editWidget type="TextEdit"><config><Option/></config></editWidget></field>
    <field name="valid_from"><editWidget type="DateTime"><config><Option type="Map"><Option type="bool" name="allow_null" value="false"/><Option type="bool" name="calendar_popup" value="true"/><Option type="QString" name="display_format" value="yyyy-MM-dd"/><Option type="QString" name="field_format" value="yyyy-MM-dd"/></Option></config></editWidget></field>
    <field name="valid_to"><editWidget type="DateTime"><config><Option type="Map"><Option type="bool" name="allow_null" value="true"/><Option type="bool" name="calendar_popup" value="true"/><Option type="QString" name="display_format" value="yyyy-MM-dd"/><Option type="QString" name="field_format" value="yyyy-MM-dd"/></Option></config></editWidget></field>
    <field name="limit_ha"><editWidget type="TextEdit"><config><Option/></config></editWidget></field>
    <field name="document"><editWidget type="TextEdit"><config><Option/></config></editWidget></field>
    <field name="document_sha256"><editWidget type="TextEdit"><config><Option/></config></editWidget></field>
  </fieldConfiguration>
  <aliases>
    <alias index="0" field="fid" name="Number"/>
    <alias index="1" field="site" name="Site (its id)"/>
    <alias index="2" field="number" name="Number of the permit"/>
    <alias index="3" field="valid_from" name="First day"/>
    <alias index="4" field="valid_to" name="Last day (empty: open-ended)"/>
    <alias index="5" field="limit_ha" name="Limit (ha; empty: none)"/>
    <alias index="6" field="document" name="Document (file or URL)"/>
    <alias index="7" field="document_sha256" name="SHA-256 of the document"/>
  </aliases>
  <defaults>
    <default field="fid" expression="" applyOnUpdate="0"/>
    <default field="site" expression="" applyOnUpdate="0"/>
    <default field="number" expression="" applyOnUpdate="0"/>
    <default field="valid_from" expression="" applyOnUpdate="0"/>
    <default field="valid_to" expression="" applyOnUpdate="0"/>
    <default field="limit_ha" expression="" applyOnUpdate="0"/>
    <default field="document" expression="" applyOnUpdate="0"/>
    <default field="document_sha256" expression="" applyOnUpdate="0"/>
  </defaults>
  <constraints>
    <constraint field="fid" constraints="0" notnull_strength="0" unique_strength="0" exp_strength="0"/>
    <constraint field="site" constraints="5" notnull_strength="1" unique_strength="0" exp_strength="1"/>
    <constraint field="number" constraints="5" notnull_strength="1" unique_strength="0" exp_strength="1"/>
    <constraint field="valid_from" constraints="5" notnull_strength="1" unique_strength="0" exp_strength="1"/>
    <constraint field="valid_to" constraints="4" notnull_strength="0" unique_strength="0" exp_strength="1"/>
    <constraint field="limit_ha" constraints="4" notnull_strength="0" unique_strength="0" exp_strength="1"/>
    <constraint field="document" constraints="0" notnull_strength="0" unique_strength="0" exp_strength="0"/>
    <constraint field="document_sha256" constraints="0" notnull_strength="0" unique_strength="0" exp_strength="0"/>
  </constraints>
  <constraintExpressions>
    <constraint field="fid" exp="" desc=""/>
    <constraint field="site" exp='length(trim("site")) &gt; 0' desc="Write the id of the site. The site must be saved first."/>
    <constraint field="number" exp='length(trim("number")) &gt; 0' desc="Write the number or name of the permit."/>
    <constraint field="valid_from" exp='"valid_from" IS NOT NULL' desc="Choose the first day on which the permit is valid. Permits of one site must not overlap in time."/>
    <constraint field="valid_to" exp='"valid_to" IS NULL OR "valid_to" &gt;= "valid_from"' desc="The last day must not be before the first day."/>
    <constraint field="limit_ha" exp='"limit_ha" IS NULL OR "limit_ha" &gt;= 0' desc="Write the limit in hectares: 0 or more. Leave it empty if the permit has no limit."/>
    <constraint field="document" exp="" desc=""/>
    <constraint field="document_sha256" exp="" desc=""/>
  </constraintExpressions>
  <previewExpression>"site" || ' ' || "number"</previewExpression>
  <blendMode>0</blendMode>
  <layerGeometryType>2</layerGeometryType>
</qgis>
