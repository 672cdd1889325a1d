// Texts and values that several tests of agent/ews need.
#pragma once

#include "agent/ews/classification.hpp"
#include "common/time/rfc3339.hpp"

#include <fmt/format.h>

namespace relay::test {

inline mailbox_address mailbox(std::string_view address)
{
    return *mailbox_address::parse(address);
}

inline utc_time at(std::string_view text)
{
    return *parse_rfc3339(text);
}

// An answer as Exchange 2019 sends it, around the Body's content.
inline std::string envelope(std::string_view body, std::string_view header = {})
{
    constexpr std::string_view usual =
        R"(<h:ServerVersionInfo MajorVersion="15" MinorVersion="2" MajorBuildNumber="1118" MinorBuildNumber="7" )"
        R"(Version="V2017_07_11" xmlns:h="http://schemas.microsoft.com/exchange/services/2006/types"/>)";
    return fmt::format(
        R"(<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/">)"
        R"(<s:Header>{}</s:Header><s:Body xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages" )"
        R"(xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types">{}</s:Body></s:Envelope>)",
        header.empty() ? usual : header, body);
}

// One response message of `operation` ("CreateItem"), successful, around `content`.
inline std::string success(std::string_view operation, std::string_view content)
{
    return envelope(fmt::format(
        R"(<m:{0}Response><m:ResponseMessages><m:{0}ResponseMessage ResponseClass="Success">)"
        R"(<m:ResponseCode>NoError</m:ResponseCode>{1}</m:{0}ResponseMessage></m:ResponseMessages></m:{0}Response>)",
        operation, content));
}

inline std::string failure_message(std::string_view operation, std::string_view code,
                                   std::string_view more = {})
{
    return envelope(fmt::format(
        R"(<m:{0}Response><m:ResponseMessages><m:{0}ResponseMessage ResponseClass="Error">)"
        R"(<m:MessageText>Fehler, den nur ein Mensch liest.</m:MessageText><m:ResponseCode>{1}</m:ResponseCode>)"
        R"(<m:DescriptiveLinkKey>0</m:DescriptiveLinkKey>{2}</m:{0}ResponseMessage></m:ResponseMessages></m:{0}Response>)",
        operation, code, more));
}

// A fault as Exchange sends it: no header, code in faultcode and detail.
inline std::string soap_fault(std::string_view code, std::string_view more = {})
{
    return fmt::format(
        R"(<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>)"
        R"(<s:Fault><faultcode xmlns:a="http://schemas.microsoft.com/exchange/services/2006/types">a:{0}</faultcode>)"
        R"(<faultstring xml:lang="en-US">Something.</faultstring><detail>)"
        R"(<e:ResponseCode xmlns:e="http://schemas.microsoft.com/exchange/services/2006/errors">{0}</e:ResponseCode>)"
        R"(<e:Message xmlns:e="http://schemas.microsoft.com/exchange/services/2006/errors">Something.</e:Message>{1}</detail>)"
        R"(</s:Fault></s:Body></s:Envelope>)",
        code, more);
}

inline std::string message_xml(std::string_view name, std::string_view value)
{
    return fmt::format(
        R"(<t:MessageXml xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"><t:Value Name="{}">{}</t:Value></t:MessageXml>)",
        name, value);
}

inline http::response http_answer(int status, std::string body,
                                  std::string content_type = "text/xml; charset=utf-8")
{
    http::response r;
    r.status = status;
    r.content_type = std::move(content_type);
    r.body = std::move(body);
    return r;
}

inline constexpr ews::call reading{ews::operation::find_item, true, true};
inline constexpr ews::call writing{ews::operation::create_item, true, true};

} // namespace relay::test
