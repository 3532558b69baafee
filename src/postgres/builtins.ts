const words = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/));

/**
 * Functions of pg_catalog that change nothing, leave nothing in the session and answer alike on every node.
 * Every overload of these names is immutable or stable and written in C or plain SQL (pg_proc.provolatile,
 * prolang; looked up in versions 15 and 18); test/integration/postgres/classify.test.ts asks a running server.
 */
export const STEADY = words(`
  abbrev abs acos acosd acosh age any_value area array_agg array_append array_cat array_dims array_fill
  array_length array_lower array_ndims array_position array_positions array_prepend array_remove
  array_replace array_reverse array_sort array_to_json array_to_string array_to_tsvector array_upper ascii
  asin asind asinh atan atan2 atan2d atand atanh avg bit bit_and bit_count bit_length bit_or bit_xor bool
  bool_and bool_or bound_box box bpchar broadcast bytea cardinality casefold cbrt ceil ceiling center char
  char_length character_length chr cidr circle col_description concat concat_ws convert convert_from
  convert_to corr cos cosd cosh cot cotd count covar_pop covar_samp crc32 crc32c cume_dist
  current_database current_schema current_schemas current_user date date_add date_bin date_part
  date_subtract date_trunc datemultirange daterange decode degrees dense_rank diagonal diameter div encode
  enum_first enum_last enum_range erf erfc every exp extract factorial family first_value float4 float8
  floor format format_type gamma gcd generate_series generate_subscripts get_bit get_byte
  get_current_ts_config getdatabaseencoding has_any_column_privilege has_column_privilege
  has_database_privilege has_foreign_data_wrapper_privilege has_function_privilege has_language_privilege
  has_largeobject_privilege has_parameter_privilege has_schema_privilege has_sequence_privilege
  has_server_privilege has_table_privilege has_tablespace_privilege has_type_privilege hashint4 hashint8
  hashtext hashtextextended height host hostmask inet_merge inet_same_family initcap int2 int4
  int4multirange int4range int8 int8multirange int8range interval is_normalized isclosed isempty isfinite
  ishorizontal isopen isparallel isperp isvertical json_agg json_agg_strict json_array_elements
  json_array_elements_text json_array_length json_build_array json_build_object json_each json_each_text
  json_extract_path json_extract_path_text json_object json_object_agg json_object_agg_strict
  json_object_agg_unique json_object_agg_unique_strict json_object_keys json_strip_nulls json_to_tsvector
  json_typeof jsonb_agg jsonb_agg_strict jsonb_array_elements jsonb_array_elements_text jsonb_array_length
  jsonb_build_array jsonb_build_object jsonb_each jsonb_each_text jsonb_extract_path
  jsonb_extract_path_text jsonb_insert jsonb_object jsonb_object_agg jsonb_object_agg_strict
  jsonb_object_agg_unique jsonb_object_agg_unique_strict jsonb_object_keys jsonb_path_exists
  jsonb_path_exists_tz jsonb_path_match jsonb_path_match_tz jsonb_path_query jsonb_path_query_array
  jsonb_path_query_array_tz jsonb_path_query_first jsonb_path_query_first_tz jsonb_path_query_tz
  jsonb_pretty jsonb_set jsonb_set_lax jsonb_strip_nulls jsonb_to_tsvector jsonb_typeof justify_days
  justify_hours justify_interval lag last_value lcm lead left length lgamma line ln log log10 lower
  lower_inc lower_inf lpad lseg ltrim macaddr macaddr8 make_date make_interval make_time make_timestamp
  make_timestamptz masklen max md5 min min_scale mod mode money multirange name netmask network normalize
  now npoints nth_value ntile num_nonnulls num_nulls numeric nummultirange numnode numrange
  obj_description octet_length oid overlay parse_ident path percent_rank percentile_cont percentile_disc
  pg_char_to_encoding pg_client_encoding pg_collation_for pg_collation_is_visible pg_column_compression
  pg_column_size pg_conversion_is_visible pg_encoding_to_char pg_function_is_visible pg_get_constraintdef
  pg_get_expr pg_get_function_arguments pg_get_function_identity_arguments pg_get_function_result
  pg_get_functiondef pg_get_indexdef pg_get_keywords pg_get_partkeydef pg_get_ruledef
  pg_get_serial_sequence pg_get_triggerdef pg_get_userbyid pg_get_viewdef pg_has_role pg_lsn
  pg_opclass_is_visible pg_operator_is_visible pg_partition_root pg_size_bytes pg_size_pretty
  pg_table_is_visible pg_ts_config_is_visible pg_type_is_visible pg_typeof pg_wal_lsn_diff
  phraseto_tsquery pi plainto_tsquery point polygon position pow power querytree quote_ident quote_literal
  quote_nullable radians radius range_agg range_intersect_agg range_merge rank regexp_count regexp_instr
  regexp_like regexp_match regexp_matches regexp_replace regexp_split_to_array regexp_split_to_table
  regexp_substr regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope regr_sxx regr_sxy
  regr_syy repeat replace reverse right round row_number row_security_active row_to_json rpad rtrim scale
  session_user set_bit set_byte set_masklen setweight sha224 sha256 sha384 sha512 shobj_description sign
  sin sind sinh slope split_part sqrt starts_with statement_timestamp stddev stddev_pop stddev_samp
  string_agg string_to_array string_to_table strip strpos substr substring sum system_user tan tand tanh
  text textlike textnlike time timestamp timestamptz timetz timezone to_ascii to_bin to_char to_date
  to_hex to_json to_jsonb to_number to_oct to_regclass to_regcollation to_regnamespace to_regoper
  to_regoperator to_regproc to_regprocedure to_regrole to_regtype to_regtypemod to_timestamp to_tsquery
  to_tsvector transaction_timestamp translate trim_array trim_scale trunc ts_debug ts_delete ts_filter
  ts_headline ts_lexize ts_parse ts_rank ts_rank_cd ts_token_type tsmultirange tsrange tstzmultirange
  tstzrange tsvector_to_array unicode_assigned unistr unnest upper upper_inc upper_inf
  uuid_extract_timestamp uuid_extract_version var_pop var_samp varbit varchar variance
  websearch_to_tsquery width width_bucket xid xml xml_is_well_formed xml_is_well_formed_content
  xml_is_well_formed_document xmlagg xmlcomment xmltext xpath xpath_exists
`);

/** Volatile functions of pg_catalog that are harmless: what they give is never the same twice anyway. */
export const HARMLESS = words(`
  array_sample array_shuffle clock_timestamp gen_random_uuid pg_database_size pg_indexes_size
  pg_partition_ancestors pg_partition_tree pg_relation_size pg_sleep pg_sleep_for pg_sleep_until
  pg_table_size pg_tablespace_size pg_total_relation_size random random_normal timeofday uuidv4 uuidv7
`);

/** They coerce to types that are named in data or in a row type: harmless only where no domain checks. */
export const COERCING = words(`
  json_populate_record json_populate_recordset json_to_record json_to_recordset jsonb_populate_record
  jsonb_populate_record_valid jsonb_populate_recordset jsonb_to_record jsonb_to_recordset json_table xmltable
`);

/** Types of pg_catalog, by the names and keywords that may be written; all have input functions in C. */
export const TYPES = words(`
  aclitem bigint bit bool boolean box bpchar bytea char character cid cidr circle date datemultirange
  daterange dec decimal double float float4 float8 inet int int2 int2vector int4 int4multirange int4range
  int8 int8multirange int8range integer interval json jsonb jsonpath line lseg macaddr macaddr8 money name
  national nchar numeric nummultirange numrange oid oidvector path pg_lsn pg_snapshot point polygon real
  regclass regcollation regconfig regdictionary regnamespace regoper regoperator regproc regprocedure
  regrole regtype smallint text tid time timestamp timestamptz timetz tsmultirange tsquery tsrange
  tstzmultirange tstzrange tsvector uuid varbit varchar xid xid8 xml
`);

/**
 * Functions of pg_catalog with an effect or a node's own answer that can be called with one argument, and so
 * without parentheses: `SELECT r.nextval FROM to_regclass('s') r` advances a sequence (tried).
 * Names that begin with pg_ or lo_ count as such unless they are allowed above.
 */
export const SINGLE = words(`
  brin_summarize_new_values currval current_setting gin_clean_pending_list nextval random_normal setseed
  ts_stat txid_status
`);

/** Calls that may leave something in the session which only the server can tell afterwards. */
export const LEAVING = words(`
  pg_advisory_unlock pg_advisory_unlock_all pg_advisory_unlock_shared pg_try_advisory_lock
  pg_try_advisory_lock_shared query_to_xml query_to_xml_and_xmlschema query_to_xmlschema ts_rewrite ts_stat
  cursor_to_xml database_to_xml schema_to_xml table_to_xml pg_replication_origin_session_setup
  pg_replication_origin_session_reset
`);

/** Calls of pg_catalog that act outside of the session or change data; for the reason, not for the decision. */
export const ACTING = words(`
  nextval setval currval lastval pg_notify set_config setseed pg_export_snapshot txid_current
  pg_current_xact_id pg_promote pg_reload_conf pg_rotate_logfile pg_switch_wal pg_create_restore_point
  pg_terminate_backend pg_cancel_backend pg_logical_emit_message loread lowrite
`);

/** Other volatile or node-bound names of pg_catalog that an unknown-function rule would misname. */
const ASKING = words(`
  current_setting inet_client_addr inet_client_port inet_server_addr inet_server_port version current_query
  txid_current_if_assigned txid_current_snapshot txid_status txid_snapshot_xip txid_snapshot_xmax
  txid_snapshot_xmin txid_visible_in_snapshot query_to_xml query_to_xml_and_xmlschema query_to_xmlschema
  database_to_xml schema_to_xml table_to_xml cursor_to_xml ts_stat ts_rewrite mxid_age
`);

/** A name of pg_catalog that is not allowed, as far as one can know without asking. */
export function isKnownBuiltin(name: string): boolean {
  return ACTING.has(name) || ASKING.has(name) || name.startsWith('pg_') || name.startsWith('lo_');
}
