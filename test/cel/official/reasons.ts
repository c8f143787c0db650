/** Why cases do not pass. A case is named `file/section/name`; `*` stands for any name. */
export interface Reason {
  readonly title: string;
  readonly why: string;
  readonly cases: readonly string[];
}

export const REASONS: readonly Reason[] = [
  {
    title: "Every expression is checked",
    why:
      "These cases turn the type checker off, and have values of expressions with unknown names or wrong types. weir refuses " +
      "such an expression when the policy is loaded; `dyn(…)` takes a value out of the check.",
    cases: [
      "basic/variables/unbound_is_runtime_error",
      "basic/functions/unbound_is_runtime_error",
      "comparisons/eq_literal/not_eq_list_length",
      "comparisons/eq_literal/eq_mixed_types",
      "comparisons/eq_literal/eq_list_elem_mixed_types",
      "comparisons/ne_literal/ne_mixed_types",
      "logic/conditional/mixed_type",
      "logic/AND/short_circuit_type_left",
      "logic/AND/short_circuit_type_right",
      "logic/OR/short_circuit_type_left",
      "logic/OR/short_circuit_type_right",
      "parse/receiver_function_names/*",
    ],
  },
  {
    title: "No blocks",
    why: "`cel.block` and `cel.index` are what optimizers write; people write `cel.bind`, or `let` in a policy.",
    cases: ["block_ext/basic/*"],
  },
  {
    title: "Notations that the parser lacks",
    why:
      "Refused as syntax: fields in backticks (write `[\"content-type\"]`), raw bytes `br'…'`, entries and elements with `?` " +
      "(use `optional` functions, `transformMap` or `+`), and a number that begins with its point.",
    cases: [
      "fields/quoted_map_fields/*",
      "parse/bytes_literals/raw_*",
      "parse/bytes_literals/upper_raw_*",
      "optionals/optionals/optional_chaining_12",
      "optionals/optionals/optional_chaining_13",
      "optionals/optionals/optional_chaining_14",
      "optionals/optionals/optional_chaining_15",
      "optionals/optionals/optional_chaining_16",
      "optionals/optionals/map_optional_entry_has",
      "comparisons/gt_literal/not_gt_double",
    ],
  },
  {
    title: "Names come from weir's vocabulary",
    why:
      "These cases declare a container, functions of their own, or variables whose names have dots. A policy can declare none of " +
      "them: in it a dot always selects a field.",
    cases: [
      "namespace/*",
      "fields/qualified_identifier_resolution/*",
      "type_deductions/functions/function_result_type",
      "type_deductions/type_parameters/*",
    ],
  },
  {
    title: "The type of an optional",
    why: "The name `optional_type` is not known, and `type()` takes no optional.",
    cases: ["optionals/optionals/type"],
  },
  {
    title: "Lists of optionals and null",
    why:
      "The checker finds `dyn` for the element, where the suite wants CEL's older rule that null may stand for an optional. Only " +
      "the type is more general; the value is the same.",
    cases: ["type_deductions/legacy_nullable_types/null_assignable_to_abstract_parameter_candidate"],
  },
];

/** The reasons that speak of a case. */
export function reasonsOf(path: string): readonly Reason[] {
  return REASONS.filter(({ cases }) => cases.some((pattern) => fits(path, pattern)));
}

/** Whether a pattern names a case. */
export function fits(path: string, pattern: string): boolean {
  const [start = "", ...rest] = pattern.split("*");
  return rest.length === 0 ? path === pattern : path.startsWith(start);
}
