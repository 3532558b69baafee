import { isMariaDb } from './collations.ts';

const words = (text: string): readonly string[] => text.trim().split(/\s+/);

/**
 * Functions of both servers that change nothing and give the same in every session whose settings are the same, or
 * something that is never the same twice (MySQL 9.7, "Functions and Operators"; MariaDB, "Built-in Functions").
 */
const COMMON = words(`
  abs acos asin atan atan2 ceil ceiling conv cos cot crc32 degrees exp floor format ln log log10 log2 mod oct pi pow
  power radians rand round sign sin sqrt tan truncate greatest least interval
  ascii bin bit_length char char_length character_length concat concat_ws elt export_set field find_in_set
  from_base64 hex insert instr lcase left length locate lower lpad ltrim make_set mid octet_length ord position quote
  regexp_instr regexp_replace regexp_substr repeat replace reverse right rpad rtrim soundex space strcmp substr
  substring substring_index to_base64 trim ucase unhex upper weight_string extractvalue updatexml
  adddate addtime convert_tz curdate current_date current_time current_timestamp curtime date date_add date_format
  date_sub datediff day dayname dayofmonth dayofweek dayofyear extract from_days from_unixtime get_format hour
  last_day localtime localtimestamp makedate maketime microsecond minute month monthname now period_add period_diff
  quarter sec_to_time second str_to_date subdate subtime sysdate time time_format time_to_sec timediff timestamp
  timestampadd timestampdiff to_days to_seconds unix_timestamp utc_date utc_time utc_timestamp week weekday weekofyear
  year yearweek
  avg bit_and bit_or bit_xor count group_concat json_arrayagg json_objectagg max min std stddev stddev_pop stddev_samp
  sum var_pop var_samp variance
  cume_dist dense_rank first_value lag last_value lead nth_value ntile percent_rank rank row_number
  bit_count cast convert coalesce if ifnull isnull nullif name_const
  json_array json_array_append json_array_insert json_contains json_contains_path json_depth json_extract json_insert
  json_keys json_length json_merge_patch json_merge_preserve json_object json_quote json_remove
  json_replace json_search json_set json_table json_type json_unquote json_valid json_value
  aes_decrypt aes_encrypt compress sha2 uncompress uncompressed_length uuid
  inet6_aton inet6_ntoa inet_aton inet_ntoa is_ipv4 is_ipv4_compat is_ipv4_mapped is_ipv6
  charset coercibility collation database schema user current_user session_user system_user sleep
  geometrycollection linestring mbrcontains mbrequals mbrintersects mbroverlaps mbrtouches mbrwithin
  multilinestring multipoint multipolygon point polygon mbrdisjoint
  st_area st_asbinary st_asgeojson st_astext st_aswkb st_aswkt st_buffer st_centroid st_contains st_convexhull
  st_crosses st_difference st_dimension st_disjoint st_distance st_distance_sphere st_endpoint st_envelope st_equals
  st_exteriorring st_geomcollfromtext st_geomcollfromwkb st_geometrycollectionfromtext
  st_geometrycollectionfromwkb st_geometryfromtext st_geometryfromwkb st_geometryn st_geometrytype st_geomfromgeojson
  st_geomfromtext st_geomfromwkb st_interiorringn st_intersection st_intersects st_isclosed st_isempty
  st_issimple st_length st_linefromtext st_linefromwkb st_linestringfromtext st_linestringfromwkb
  st_mlinefromtext st_mlinefromwkb st_mpointfromtext st_mpointfromwkb st_mpolyfromtext st_mpolyfromwkb
  st_numgeometries st_numinteriorrings st_numpoints st_overlaps st_pointfromtext
  st_pointfromwkb st_pointn st_polyfromtext st_polyfromwkb st_polygonfromtext st_polygonfromwkb st_srid st_startpoint
  st_symdifference st_touches st_union st_within st_x st_y
`);

/** Functions of MySQL from 8.0.26 on. */
const MYSQL = words(`
  any_value bin_to_uuid current_role format_bytes format_pico_time grouping gtid_subset gtid_subtract is_uuid
  json_overlaps json_pretty json_schema_valid json_schema_validation_report json_storage_free json_storage_size
  mbrcoveredby mbrcovers random_bytes regexp_like statement_digest statement_digest_text uuid_to_bin geomcollection
  st_frechetdistance st_geohash st_geomcollfromtxt st_hausdorffdistance st_isvalid st_latfromgeohash
  st_latitude st_lineinterpolatepoint st_lineinterpolatepoints st_longfromgeohash st_longitude st_makeenvelope
  st_multilinestringfromtext st_multilinestringfromwkb st_multipointfromtext st_multipointfromwkb
  st_multipolygonfromtext st_multipolygonfromwkb st_pointatdistance st_pointfromgeohash st_simplify st_swapxy
  st_transform st_validate
`);

/** Of a component since MySQL 9.6, so that another function can have their names there. */
const HASHING = words('md5 sha sha1');

/** Functions of MySQL from 9.0 on. */
const MYSQL_9 = words('string_to_vector to_vector from_vector vector_to_string vector_dim');

/** Functions of MariaDB from 10.6 on. */
const MARIADB = words(`
  add_months chr column_add column_check column_create column_delete column_exists column_get column_json column_list
  decode encode decode_histogram des_decrypt des_encrypt encrypt password old_password json_compact json_detailed
  json_exists json_loose json_merge json_query lengthb median nvl nvl2 percentile_cont percentile_disc rownum sys_guid
  to_char area asbinary astext aswkb aswkt boundary buffer centroid contains convexhull crosses dimension disjoint
  endpoint envelope equals exteriorring geomcollfromtext geomcollfromwkb geometrycollectionfromtext
  geometrycollectionfromwkb geometryfromtext geometryfromwkb geometryn geometrytype geomfromtext geomfromwkb
  glength interiorringn intersects isclosed isempty isring issimple linefromtext linefromwkb linestringfromtext
  linestringfromwkb mlinefromtext mlinefromwkb mpointfromtext mpointfromwkb mpolyfromtext mpolyfromwkb
  multilinestringfromtext multilinestringfromwkb multipointfromtext multipointfromwkb multipolygonfromtext
  multipolygonfromwkb numgeometries numinteriorrings numpoints overlaps pointfromtext pointfromwkb pointn
  pointonsurface polyfromtext polyfromwkb polygonfromtext polygonfromwkb srid startpoint st_boundary st_isring
  st_pointonsurface st_relate touches within x y
`);

/** Functions that act: for the reason, not for the decision. */
export const ACTING: ReadonlySet<string> = new Set(
  words(`
  benchmark get_lock release_lock release_all_locks nextval setval load_file uuid_short last_insert_id
  master_pos_wait source_pos_wait wait_for_executed_gtid_set wait_until_sql_thread_after_gtids master_gtid_wait
  audit_log_filter_set_filter asynchronous_connection_failover_add_source default
`),
);

/** Functions that ask about one server or one of its sessions. */
export const ASKING: ReadonlySet<string> = new Set(
  words(`
  connection_id found_rows row_count version is_free_lock is_used_lock lastval previous ps_current_thread_id
  ps_thread_id binlog_gtid_pos roles_graphml icu_version current_role
`),
);

/** Locks that no other function of the server releases all of. */
export const LOCKING: ReadonlySet<string> = new Set(
  words(`
  service_get_read_locks service_get_write_locks version_tokens_lock_exclusive version_tokens_lock_shared
`),
);

const common: ReadonlySet<string> = new Set(COMMON);
const mariadb: ReadonlySet<string> = new Set([...COMMON, ...HASHING, ...MARIADB]);
const mysql: ReadonlySet<string> = new Set([...COMMON, ...HASHING, ...MYSQL]);
const mysql9: ReadonlySet<string> = new Set([...COMMON, ...MYSQL, ...MYSQL_9]);

/** The functions without effect of a server of this version; of an unknown one, those that all have. */
export function builtinsOf(version: string): ReadonlySet<string> {
  if (isMariaDb(version)) return mariadb;
  const major = Number.parseInt(version, 10);
  if (Number.isNaN(major)) return common;
  return major >= 9 ? mysql9 : mysql;
}
