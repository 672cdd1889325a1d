#include "agent/app/password.hpp"

#include "common/platform/run_command.hpp"
#include "common/secret/flaw.hpp"

#include <cerrno>
#include <fstream>

namespace relay::app {
namespace {

result<secret> read_file(const std::filesystem::path& file)
{
    errno = 0;
    std::ifstream in(file, std::ios::binary);
    std::string text(longest_password + 3, '\0'); // one block: no copies of a secret left behind
    if (!in || (!in.read(text.data(), static_cast<std::streamsize>(text.size())) && !in.eof()) || in.bad()) {
        wipe(text);
        return error_code(errno != 0 ? errno : EIO, boost::system::generic_category());
    }
    text.resize(static_cast<std::size_t>(in.gcount()));
    return take_secret(text, longest_password);
}

} // namespace

http::password_source make_password_source(const config::exchange_settings& settings)
{
    if (!settings.password_file.empty())
        return [file = settings.password_file] { return read_file(file); };
    if (settings.password_command.empty())
        return {};
    return [argv = settings.password_command]() -> result<secret> {
        auto text = platform::run_command(argv, password_command_limit, longest_password + 3);
        if (text.has_error())
            return secret_flaw::no_source;
        return take_secret(*text, longest_password);
    };
}

} // namespace relay::app
