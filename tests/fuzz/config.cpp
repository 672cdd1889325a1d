// The configuration: a file, and after a NUL byte the value of a variable. It is refused with reasons, or
// printed and read back as it was.
#include "common/config/load.hpp"

#include <cstdlib>

using namespace relay;

namespace {

void require(bool holds)
{
    if (!holds)
        std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size)
{
    const std::string_view text(reinterpret_cast<const char*>(bytes), size);
    const auto end = text.find('\0');
    config::environment variables;
    if (end != text.npos)
        variables.emplace("WORKESTRA_RELAY_POLICY_DENY_MAILBOXES", text.substr(end + 1));
    auto loaded = config::parse(text.substr(0, end), variables, config::purpose::enroll);
    if (!loaded.has_value()) {
        require(!loaded.error().empty());
        for (const auto& m : loaded.error())
            require(!config::format(m, "agent.toml").empty());
        return 0;
    }
    // Secrets are not printed, so they cannot come back.
    loaded->cloud.proxy = {};
    loaded->exchange.password_command.clear();
    const auto again = config::parse(config::to_toml(*loaded), {}, config::purpose::enroll);
    require(again.has_value() && *again == *loaded);
    return 0;
}
