// Builds one SOAP envelope for Exchange. Internal to agent/ews: includes pugixml.
#pragma once

#include "common/text/mailbox_address.hpp"
#include "common/time/time_source.hpp"

#include <pugixml.hpp>

#include <string>
#include <string_view>

namespace relay::ews {

// An envelope with its headers; the caller fills operation(). Prefixes: s SOAP, t types, m messages.
class soap_request {
public:
    // `element` is the Body's child, prefix included ("m:CreateItem"). Acts as `impersonated` where it is not
    // null.
    soap_request(const char* element, const mailbox_address* impersonated);

    pugi::xml_node operation() const { return operation_; }
    std::string str() const;

private:
    pugi::xml_document document_;
    pugi::xml_node operation_;
};

// `text` without what XML 1.0 cannot carry and without ill-formed UTF-8: Exchange refuses such a request as a
// whole. Callers have checked their texts; this is the last line of defence.
std::string xml_text(std::string_view text);

pugi::xml_node add(pugi::xml_node parent, const char* element);
pugi::xml_node add(pugi::xml_node parent, const char* element, std::string_view text);
void set(pugi::xml_node element, const char* attribute, std::string_view value);
// "2026-01-05T09:00:00Z".
void add_time(pugi::xml_node parent, const char* element, utc_time time);
// t:ExtendedFieldURI of a String in our property set.
void add_property_path(pugi::xml_node parent, const char* property);
// t:FieldURI.
void add_field_path(pugi::xml_node parent, const char* field);

} // namespace relay::ews
