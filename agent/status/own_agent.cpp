#include "agent/status/own_agent.hpp"

#include "common/platform/folder_mark.hpp"

#include <boost/json/parse.hpp>

namespace relay::status {
namespace {

bool works_on(const snapshot& s, const std::filesystem::path& data_dir)
{
    const auto ours = platform::mark_of_folder(data_dir);
    if (ours.has_error())
        return ours.error() !=
               boost::system::errc::no_such_file_or_directory; // no agent works on what is not there
    return s.agent.home == *ours;
}

} // namespace

result<own_answer> ask_own_agent(const config::loopback_endpoint& where,
                                 const std::filesystem::path& data_dir, milliseconds limit)
{
    auto page = fetch(where, "/api/status", limit);
    if (page.has_error())
        return page.error();
    error_code ec;
    const auto document = boost::json::parse(page->body, ec);
    auto now = ec ? result<snapshot>(errc::protocol_violation) : from_json(document);
    if (page->status != 200 || now.has_error())
        return errc::protocol_violation;
    if (!now->agent.home.empty() && !works_on(*now, data_dir))
        return errc::not_found;
    return own_answer{*std::move(page), *std::move(now)};
}

} // namespace relay::status
