#include "common/config/enrolment_record.hpp"

#include "common/url/url.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <fstream>

namespace relay::config {
namespace {

namespace json = boost::json;

constexpr std::size_t largest_record = 64 * 1024;

// The field as text, empty where it is absent; nothing where it is something else.
std::optional<std::string> text_of(const json::object& o, std::string_view name)
{
    const auto* value = o.if_contains(name);
    if (!value)
        return std::string();
    const auto* text = value->if_string();
    return text ? std::optional(std::string(*text)) : std::nullopt;
}

} // namespace

std::filesystem::path enrolment_record_file(const std::filesystem::path& certificate_file)
{
    auto file = certificate_file;
    return file.replace_extension(".enrolment.json");
}

std::string to_json(const enrolment_record& r, const std::filesystem::path& folder)
{
    json::object o{{"agent_id", r.agent_id}, {"certificate_sha256", r.certificate_sha256}};
    if (!r.relay_url.empty())
        o["relay_url"] = r.relay_url;
    if (!r.ca_file.empty())
        o["ca_file"] = (r.ca_file.parent_path() == folder ? r.ca_file.filename() : r.ca_file).string();
    return json::serialize(o) + "\n";
}

std::optional<enrolment_record> parse_enrolment_record(std::string_view text,
                                                       const std::filesystem::path& folder)
{
    boost::system::error_code ec;
    const auto value = json::parse(text, ec);
    const auto* o = ec.failed() ? nullptr : value.if_object();
    if (!o)
        return std::nullopt;
    const auto id = text_of(*o, "agent_id"), url = text_of(*o, "relay_url"), ca = text_of(*o, "ca_file"),
               hash = text_of(*o, "certificate_sha256");
    if (!id || id->empty() || !url || !ca || !hash)
        return std::nullopt;
    if (!url->empty() && parse_web_url(*url, "wss").has_error())
        return std::nullopt;
    return enrolment_record{*id, *url, ca->empty() ? std::filesystem::path() : folder / *ca, *hash};
}

std::optional<enrolment_record> read_enrolment_record(const std::filesystem::path& certificate_file)
{
    std::ifstream in(enrolment_record_file(certificate_file), std::ios::binary);
    std::string text(largest_record + 1, '\0');
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(in.gcount()));
    if (text.empty() || text.size() > largest_record)
        return std::nullopt;
    return parse_enrolment_record(text, certificate_file.parent_path());
}

} // namespace relay::config
