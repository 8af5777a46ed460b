/** Fields of the forms for sites and permits, checked before they are sent. */

import type { NewPermit } from "../api/types.ts";
import { numberOf } from "../format.ts";
import { t } from "../words.ts";

export type FieldName = "name" | "id" | "operator" | "commodity" | "number" | "valid-from" | "valid-to" | "limit";
export type Fields = Partial<Record<FieldName, string>>;
export type Errors = Partial<Record<FieldName, string>>;

const DATE = /^\d{4}-\d{2}-\d{2}$/;
/** As `SiteId` of the program. */
const ID = /^[a-z0-9][a-z0-9._-]{0,63}$/;

export function siteErrors({ name = "", id = "" }: Fields): Errors {
  return {
    ...(name.trim() === "" && { name: t("wrong-name") }),
    ...(id.trim() !== "" && !ID.test(id.trim()) && { id: t("wrong-id") }),
  };
}

/** The permit without the revision of its site, or what is wrong with its fields. */
export function checkedPermit(fields: Fields): { permit: Omit<NewPermit, "revision"> } | { errors: Errors } {
  const text = (name: FieldName): string => fields[name]?.trim() ?? "";
  const [number, valid_from, valid_to, limit] = [text("number"), text("valid-from"), text("valid-to"), text("limit")];
  const limit_ha = limit === "" ? null : numberOf(limit);
  const errors: Errors = {
    ...(number === "" && { number: t("wrong-number") }),
    ...(!DATE.test(valid_from) && { "valid-from": t("wrong-date") }),
    ...(valid_to !== "" && !DATE.test(valid_to) && { "valid-to": t("wrong-date") }),
    ...(DATE.test(valid_from) && DATE.test(valid_to) && valid_to < valid_from && { "valid-to": t("wrong-to") }),
    ...(limit_ha !== null && !(limit_ha >= 0 && Number.isFinite(limit_ha)) && { limit: t("wrong-limit") }),
  };
  if (Object.keys(errors).length > 0) return { errors };
  return { permit: { number, valid_from, ...(valid_to && { valid_to }), ...(limit_ha !== null && { limit_ha }) } };
}
