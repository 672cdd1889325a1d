// Whether a person looks at what we print.
#pragma once

namespace relay::platform {

// True where standard output is a terminal that can rewrite a line.
bool output_is_terminal();

} // namespace relay::platform
