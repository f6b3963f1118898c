/* value: a worksheet value in a record; apart from cli.c, so that programs without worksheets link none of it. */
#include "common/cli.h"
#include "record/record.h"

int
cli_record_value(struct buf *b, const char *key, const struct value *v)
{
	switch (v->kind) {
	case V_NUM:
		return record_num(b, key, v->u.num);
	case V_BOOL:
		return record_bool(b, key, v->boolean);
	case V_TEXT:
		return record_str(b, key, v->u.text->s);
	case V_ERROR:
		return record_str(b, key, xl_error_name((enum xl_error)v->error)) | record_bool(b, "is_error", 1);
	default:
		return record_raw(b, key, "null");
	}
}
