// Finds the link that we put into an HTML body by what it says, after Outlook and Word have rewritten everything around it:
// ids dropped or prefixed, spans and fonts added, lines broken differently. Pure functions.
#pragma once

#include <string>
#include <string_view>

namespace relay::commands {

// True if nothing but tags, blanks and no-break spaces is in `html`; an image counts as content.
bool is_blank_html(std::string_view html);

// `html` without each line that says `label` and then links to `url` (or shows it), without the rule above such a line, and
// without the elements that are empty then. A link to `url` without the label is somebody else's and stays.
std::string without_link_line(std::string html, std::string_view label, std::string_view url);

} // namespace relay::commands
