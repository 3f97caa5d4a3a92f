"""The .proto files of this tree beside another reading of the protocol page (fivetran.md 1.1 to 1.3): names, numbers, types, presence, oneofs; and bytes that the
page has verified."""

import pytest

import fivetran

if fivetran.missing():
    pytest.skip(fivetran.missing(), allow_module_level=True)

from google.protobuf.descriptor import FieldDescriptor

# number name type; ? optional, * repeated, {} map, | members of one oneof; types without a letter are messages or enums
READING = """
ConfigurationFormRequest
ConfigurationFormResponse: 1 schema_selection_supported bool, 2 table_selection_supported bool, 3 fields FormField*, 4 tests ConfigurationTest*
FormField: 1 name string, 2 label string, 3 required bool?, 4 description string?, 5 text_field TextField|, 6 dropdown_field DropdownField|, 7 toggle_field ToggleField|, 10 conditional_fields ConditionalFields|, 11 upload_field UploadField|, 12 descriptive_dropdown_fields DescriptiveDropDownFields|, 8 default_value string?, 9 placeholder string?
DropdownField: 1 dropdown_field string*
ToggleField
UploadField: 1 allowed_file_type string*, 2 max_file_size_bytes int32
DescriptiveDropDownFields: 1 descriptive_dropdown_field DescriptiveDropDownField*
DescriptiveDropDownField: 1 value string, 2 label string, 3 description string
ConditionalFields: 1 condition VisibilityCondition, 2 fields FormField*
VisibilityCondition: 1 condition_field string, 2 bool_value bool|, 3 string_value string|, 4 empty_value bool|
ConfigurationTest: 1 name string, 2 label string
TestRequest: 1 name string, 2 configuration string{}
TestResponse: 1 success bool|, 2 failure string|
SchemaList: 1 schemas Schema*
TableList: 1 tables Table*
Schema: 1 name string, 2 tables Table*
Table: 1 name string, 2 columns Column*
Column: 1 name string, 2 type DataType, 3 primary_key bool, 4 params DataTypeParams?
DataTypeParams: 1 decimal DecimalParams|, 2 string_byte_length int32|
DecimalParams: 1 precision uint32, 2 scale uint32
Warning: 1 message string
Task: 1 message string
ValueType: 1 null bool|, 2 bool bool|, 3 short int32|, 4 int int32|, 5 long int64|, 6 float float|, 7 double double|, 8 naive_date Timestamp|, 9 naive_datetime Timestamp|, 10 utc_datetime Timestamp|, 11 decimal string|, 12 binary bytes|, 13 string string|, 14 json string|, 15 xml string|, 16 naive_time Timestamp|
SchemaRequest: 1 configuration string{}
SchemaResponse: 1 schema_response_not_supported bool|, 2 with_schema SchemaList|, 3 without_schema TableList|, 4 selection_not_supported bool?
UpdateRequest: 1 configuration string{}, 2 selection Selection?, 3 state_json string?
Selection: 1 without_schema TablesWithNoSchema|, 2 with_schema TablesWithSchema|
TablesWithNoSchema: 1 tables TableSelection*, 2 include_new_tables bool
TablesWithSchema: 1 schemas SchemaSelection*, 2 include_new_schemas bool
SchemaSelection: 1 included bool, 2 schema_name string, 3 tables TableSelection*, 4 include_new_tables bool
TableSelection: 1 included bool, 2 table_name string, 3 columns bool{}, 4 include_new_columns bool
UpdateResponse: 1 record Record|, 2 schema_change SchemaChange|, 3 checkpoint Checkpoint|, 4 warning Warning|, 5 task Task|, 6 records Records|
SchemaChange: 1 with_schema SchemaList|, 2 without_schema TableList|
Records: 1 records Record*
Record: 1 schema_name string?, 2 table_name string, 3 type RecordType, 4 data ValueType{}
Checkpoint: 1 state_json string
CapabilitiesRequest
CapabilitiesResponse: 1 batch_file_format BatchFileFormat
DescribeTableRequest: 1 configuration string{}, 2 schema_name string, 3 table_name string
DescribeTableResponse: 1 not_found bool|, 2 table Table|, 3 warning Warning|, 4 task Task|
CreateTableRequest: 1 configuration string{}, 2 schema_name string, 3 table Table
CreateTableResponse: 1 success bool|, 2 warning Warning|, 3 task Task|
AlterTableRequest: 1 configuration string{}, 2 schema_name string, 3 table Table, 4 drop_columns bool
AlterTableResponse: 1 success bool|, 2 warning Warning|, 3 task Task|
TruncateRequest: 1 configuration string{}, 2 schema_name string, 3 table_name string, 4 synced_column string, 5 utc_delete_before Timestamp, 6 soft SoftTruncate?
SoftTruncate: 1 deleted_column string
TruncateResponse: 1 success bool|, 2 warning Warning|, 3 task Task|
WriteBatchRequest: 1 configuration string{}, 2 schema_name string, 3 table Table, 4 keys bytes{}, 5 replace_files string*, 6 update_files string*, 7 delete_files string*, 8 file_params FileParams
WriteHistoryBatchRequest: 1 configuration string{}, 2 schema_name string, 3 table Table, 4 keys bytes{}, 5 earliest_start_files string*, 6 replace_files string*, 7 update_files string*, 8 delete_files string*, 9 file_params FileParams
FileParams: 1 compression Compression, 2 encryption Encryption, 3 null_string string, 4 unmodified_string string
WriteBatchResponse: 1 success bool|, 2 warning Warning|, 3 task Task|
MigrateRequest: 1 configuration string{}, 2 details MigrationDetails
MigrateResponse: 1 success bool|, 2 unsupported bool|, 3 warning Warning|, 4 task Task|
MigrationDetails: 1 schema string, 2 table string, 3 drop DropOperation|, 4 copy CopyOperation|, 5 rename RenameOperation|, 6 add AddOperation|, 7 update_column_value UpdateColumnValueOperation|, 8 table_sync_mode_migration TableSyncModeMigrationOperation|
UpdateColumnValueOperation: 1 column string, 2 value string
TableSyncModeMigrationOperation: 1 type TableSyncModeMigrationType, 2 soft_deleted_column string?, 3 keep_deleted_rows bool?
"""
INSIDE = """
DropOperation: 1 drop_table bool|, 2 drop_column_in_history_mode .|: 1 column string, 2 operation_timestamp string
CopyOperation: 1 copy_table .|: 1 from_table string, 2 to_table string
CopyOperation: 2 copy_column .|: 1 from_column string, 2 to_column string
CopyOperation: 3 copy_table_to_history_mode .|: 1 from_table string, 2 to_table string, 3 soft_deleted_column string
RenameOperation: 1 rename_table .|: 1 from_table string, 2 to_table string
RenameOperation: 2 rename_column .|: 1 from_column string, 2 to_column string
AddOperation: 1 add_column_in_history_mode .|: 1 column string, 2 column_type DataType, 3 default_value string, 4 operation_timestamp string
AddOperation: 2 add_column_with_default_value .|: 1 column string, 2 column_type DataType, 3 default_value string
"""
ENUMS = {
    "TextField": ["PlainText", "Password", "Hidden"],
    "DataType": "UNSPECIFIED BOOLEAN SHORT INT LONG DECIMAL FLOAT DOUBLE NAIVE_DATE NAIVE_DATETIME UTC_DATETIME BINARY XML STRING JSON NAIVE_TIME".split(),
    "RecordType": ["UPSERT", "UPDATE", "DELETE", "TRUNCATE"],
    "Encryption": ["NONE", "AES"],
    "BatchFileFormat": ["CSV", "PARQUET"],
    "Compression": ["OFF", "ZSTD", "GZIP"],
    "TableSyncModeMigrationType": ["SOFT_DELETE_TO_LIVE", "SOFT_DELETE_TO_HISTORY", "HISTORY_TO_SOFT_DELETE", "HISTORY_TO_LIVE", "LIVE_TO_SOFT_DELETE", "LIVE_TO_HISTORY"],
}
SERVICES = {
    "SourceConnector": ["ConfigurationForm", "Test", "Schema", "Update"],
    "DestinationConnector": "ConfigurationForm Capabilities Test DescribeTable CreateTable AlterTable Truncate WriteBatch WriteHistoryBatch Migrate".split(),
}


def files():
    return [fivetran.common.DESCRIPTOR, fivetran.source.DESCRIPTOR, fivetran.destination.DESCRIPTOR]


def named(kind, name):
    return next(getattr(file, kind)[name] for file in files() if name in getattr(file, kind))


def described(f: FieldDescriptor) -> str:
    simple = {v: k.removeprefix("TYPE_").lower() for k, v in vars(FieldDescriptor).items() if k.startswith("TYPE_")}
    is_map = f.message_type is not None and f.message_type.GetOptions().map_entry
    of = f.message_type.fields_by_name["value"] if is_map else f
    kind = of.message_type.name if of.message_type else of.enum_type.name if of.enum_type else simple[of.type]
    oneof = f.containing_oneof
    optional = oneof is not None and oneof.name == "_" + f.name
    mark = "{}" if is_map else "*" if f.is_repeated else "?" if optional else "|" if oneof is not None else ""
    return f"{f.number} {f.name} {kind}{mark}"


def parsed():
    for line in READING.strip().splitlines():
        name, _, fields = line.partition(": ")
        yield name, sorted(filter(None, fields.split(", ")))


@pytest.mark.parametrize("name,fields", parsed(), ids=lambda v: v if isinstance(v, str) else "")
def test_messages(name, fields):
    """Presence of a message is not told from the lack of it: that of `optional Selection selection` is the same on the wire."""
    message = named("message_types_by_name", name)
    got = sorted(described(f) for f in message.fields)
    bare = lambda texts: [t.rstrip("?") if t.split()[2].rstrip("?")[0].isupper() else t for t in texts]
    assert bare(got) == bare(fields)


@pytest.mark.parametrize("line", INSIDE.strip().splitlines())
def test_operations(line):
    outer, which, fields = line.split(": ")
    message = named("message_types_by_name", outer)
    number, name, _ = which.split(", ")[-1].split()
    field = message.fields_by_name[name]
    assert field.number == int(number) and field.containing_oneof is not None
    assert [described(f) for f in field.message_type.fields] == fields.split(", ")


def test_enums_and_services():
    for name, values in ENUMS.items():
        assert [(v.name, v.number) for v in named("enum_types_by_name", name).values] == [(v, n) for n, v in enumerate(values)]
    for name, methods in SERVICES.items():
        service = named("services_by_name", name)
        assert sorted(m.name for m in service.methods) == sorted(methods) and service.full_name == f"fivetran_sdk.v2.{name}"
        assert [m.name for m in service.methods if m.server_streaming] == (["Update"] if name == "SourceConnector" else [])
    history = named("services_by_name", "DestinationConnector").methods_by_name["WriteHistoryBatch"]
    assert history.output_type.name == "WriteBatchResponse"


def test_nothing_else_is_there():
    read = {name for name, _ in parsed()} | {line.split(":")[0] for line in INSIDE.strip().splitlines()}
    inner = {f.message_type.name for line in INSIDE.strip().splitlines() for f in named("message_types_by_name", line.split(":")[0]).fields if f.message_type}
    assert {name for file in files() for name in file.message_types_by_name} - inner == read


def test_bytes():
    """fivetran.md 1.5."""
    c, s = fivetran.common, fivetran.source
    record = s.Record(table_name="t", data={"a": c.ValueType(long=7)})
    assert s.UpdateResponse(records=s.Records(records=[record])).SerializeToString().hex(" ") == "32 0e 0a 0c 12 01 74 22 07 0a 01 61 12 02 28 07"
    assert c.FormField(text_field=c.PlainText).SerializeToString().hex(" ") == "28 00"
    assert c.FormField(toggle_field=c.ToggleField()).SerializeToString().hex(" ") == "3a 00"
    assert c.FormField(required=False).SerializeToString().hex(" ") == "18 00"
    assert c.VisibilityCondition(bool_value=False).SerializeToString().hex(" ") == "10 00"
    assert c.ValueType(string="").SerializeToString().hex(" ") == "6a 00"
