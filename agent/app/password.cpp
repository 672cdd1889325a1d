#include "agent/app/password.hpp"

#include "common/platform/run_command.hpp"

#include <fstream>

namespace relay::app {
namespace {

result<secret> taken(std::string text)
{
    if (text.ends_with('\n')) {
        text.pop_back();
        if (text.ends_with('\r'))
            text.pop_back();
    }
    if (text.empty() || text.size() > longest_password) {
        wipe(text);
        return errc::bad_credentials_source;
    }
    return secret::take(text);
}

result<secret> read_file(const std::filesystem::path& file)
{
    std::ifstream in(file, std::ios::binary);
    std::string text(longest_password + 2, '\0'); // one block: no copies of a secret left behind
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (in.bad() || !in.eof()) {
        wipe(text);
        return errc::bad_credentials_source;
    }
    text.resize(static_cast<std::size_t>(in.gcount()));
    return taken(std::move(text));
}

} // namespace

http::password_source make_password_source(const config::exchange_settings& settings)
{
    if (!settings.password_file.empty())
        return [file = settings.password_file] { return read_file(file); };
    if (settings.password_command.empty())
        return {};
    return [argv = settings.password_command]() -> result<secret> {
        auto text = platform::run_command(argv, password_command_limit, longest_password + 2);
        if (text.has_error())
            return text.error();
        return taken(std::move(*text));
    };
}

} // namespace relay::app
