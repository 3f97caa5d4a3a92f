/* report.h - what became of the tests of a catalog: for people, for programs (JSON lines), for build servers (JUnit's XML). */
#ifndef WEIR_CLI_REPORT_H
#define WEIR_CLI_REPORT_H

#include "plane/testing.h"

/** Lines for a test as it ends: its name, and of one that failed where and why. */
void report_text(buf *out, const test_result *r);
void report_json(buf *out, const test_result *r);
/** A `testcase` element; the file is what stands around them. */
void report_junit(buf *out, const char *path, const test_result *r);
void report_junit_file(buf *out, const char *path, const buf *cases, size_t passed, size_t failed, int64_t microseconds);

#endif
