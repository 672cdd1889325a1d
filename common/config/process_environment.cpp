#include "common/config/load.hpp"

#ifdef _WIN32
#include <stdlib.h>
#else
#include <unistd.h>
#endif

namespace relay::config {

environment process_environment()
{
    environment variables;
#ifdef _WIN32
    char** entry = _environ;
#else
    char** entry = ::environ;
#endif
    for (; entry && *entry; ++entry) {
        const std::string_view text = *entry;
        const auto equals = text.find('=');
        if (equals != text.npos &&
            (text.starts_with("WORKESTRA_RELAY_") || text.starts_with("CREDENTIALS_DIRECTORY=")))
            variables.emplace(text.substr(0, equals), text.substr(equals + 1));
    }
    return variables;
}

} // namespace relay::config
