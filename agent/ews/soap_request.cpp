#include "agent/ews/soap_request.hpp"

#include "agent/ews/vocabulary.hpp"
#include "common/text/text.hpp"
#include "common/time/rfc3339.hpp"

namespace relay::ews {
namespace {

// Everything we need exists in this version, and every server we support takes it; newer names are refused by
// older servers, and "Exchange2019" by all of them.
constexpr const char* schema_version = "Exchange2013_SP1";

struct string_writer final : pugi::xml_writer {
    std::string text;
    // A carriage return as it is would reach the reader as a line feed (XML 1.0, section 2.11), and pugixml
    // leaves it so.
    void write(const void* bytes, std::size_t size) override
    {
        std::string_view rest(static_cast<const char*>(bytes), size);
        for (auto at = rest.find('\r'); at != rest.npos; at = rest.find('\r')) {
            text.append(rest.substr(0, at)).append("&#13;");
            rest.remove_prefix(at + 1);
        }
        text.append(rest);
    }
};

} // namespace

soap_request::soap_request(const char* element, const mailbox_address* impersonated)
{
    auto envelope = add(document_.root(), "s:Envelope");
    set(envelope, "xmlns:s", "http://schemas.xmlsoap.org/soap/envelope/");
    set(envelope, "xmlns:t", "http://schemas.microsoft.com/exchange/services/2006/types");
    set(envelope, "xmlns:m", "http://schemas.microsoft.com/exchange/services/2006/messages");
    auto header = add(envelope, "s:Header");
    set(add(header, "t:RequestServerVersion"), "Version", schema_version);
    if (impersonated != nullptr) {
        auto sid = add(add(header, "t:ExchangeImpersonation"), "t:ConnectingSID");
        add(sid, "t:PrimarySmtpAddress", impersonated->str());
    }
    operation_ = add(add(envelope, "s:Body"), element);
}

std::string soap_request::str() const
{
    string_writer out;
    out.text = "<?xml version=\"1.0\" encoding=\"utf-8\"?>";
    document_.save(out, "", pugi::format_raw | pugi::format_no_declaration, pugi::encoding_utf8);
    return std::move(out.text);
}

std::string xml_text(std::string_view text)
{
    if (is_xml_text(text))
        return std::string(text);
    std::string clean;
    clean.reserve(text.size());
    while (!text.empty()) {
        std::size_t length = 1;
        while (length < 4 && length < text.size() &&
               (static_cast<unsigned char>(text[length]) & 0xc0) == 0x80)
            ++length;
        if (is_xml_text(text.substr(0, length)))
            clean += text.substr(0, length);
        text.remove_prefix(length);
    }
    return clean;
}

pugi::xml_node add(pugi::xml_node parent, const char* element)
{
    return parent.append_child(element);
}

pugi::xml_node add(pugi::xml_node parent, const char* element, std::string_view text)
{
    auto node = parent.append_child(element);
    if (!text.empty())
        node.append_child(pugi::node_pcdata).set_value(xml_text(text).c_str());
    return node;
}

void set(pugi::xml_node element, const char* attribute, std::string_view value)
{
    element.append_attribute(attribute).set_value(xml_text(value).c_str());
}

void add_time(pugi::xml_node parent, const char* element, utc_time time)
{
    add(parent, element, format_rfc3339(time));
}

void add_property_path(pugi::xml_node parent, const char* property)
{
    auto path = add(parent, "t:ExtendedFieldURI");
    set(path, "PropertySetId", property_set);
    set(path, "PropertyName", property);
    set(path, "PropertyType", "String");
}

void add_field_path(pugi::xml_node parent, const char* field)
{
    set(add(parent, "t:FieldURI"), "FieldURI", field);
}

} // namespace relay::ews
