// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace sovren::jobs {

/// The style sheet of report.html: light and dark, narrow and wide, for print.
extern const char* const report_style;

/// Sorting and filtering of the table of links. Without it the page is whole, the table fixed.
extern const char* const report_script;

}  // namespace sovren::jobs
