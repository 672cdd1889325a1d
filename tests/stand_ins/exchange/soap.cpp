#include "tests/stand_ins/exchange/soap.hpp"

#include "common/text/text.hpp"
#include "tests/stand_ins/exchange/schema_order.hpp"

#include <algorithm>

namespace relay::exchange_sim {
namespace {

constexpr std::string_view declaration = R"(<?xml version="1.0" encoding="utf-8"?>)";

std::string read_impersonation(pugi::xml_node header)
{
    const auto sid = child(header, "ConnectingSID");
    const auto who = first_element(sid);
    const auto form = local_name(who);
    const auto address = trim(text_of(who));
    const bool known =
        form == "PrincipalName" || form == "PrimarySmtpAddress" || form == "SmtpAddress" || form == "SID";
    if (!known || next_element(who) || address.empty())
        refuse_request("ErrorInvalidExchangeImpersonationHeaderData",
                       "ExchangeImpersonation SOAP header must be present "
                       "with exactly one identity.");
    return std::string(address);
}

void check_version(std::string_view version, const product& p)
{
    switch (check_request_version(p, version)) {
    case request_version::accepted:
        return;
    case request_version::too_new:
        refuse_request("ErrorInvalidServerVersion", "The specified server version is invalid.");
    case request_version::unknown:
        // Exchange 2013 and newer find out while they check the header against the schema.
        if (p.major < 15)
            refuse_request("ErrorInvalidServerVersion", "The specified server version is invalid.");
        refuse_request("ErrorInvalidRequest", "The request is invalid.");
    }
}

void read_header(soap_request& request, pugi::xml_node header, const product& p)
{
    std::vector<std::string_view> seen;
    for (const auto node : elements(header)) {
        const auto name = local_name(node);
        if (std::ranges::find(seen, name) != seen.end())
            refuse_request("ErrorDuplicateSOAPHeader",
                           "The SOAP header " + std::string(name) + " is there twice.");
        seen.push_back(name);
        if (namespace_of(node) != types_namespace)
            continue;
        if (name == "RequestServerVersion")
            check_version(attribute(node, "Version"), p);
        else if (name == "ExchangeImpersonation")
            request.impersonated = read_impersonation(node);
        else if (name == "TimeZoneContext")
            request.context_zone = attribute(child(node, "TimeZoneDefinition"), "Id");
    }
}

// All of its attributes are optional. A product without a version shows none at all, one without builds no numbers of them.
void put_version_info(std::string& out, const product& p)
{
    if (p.version.empty())
        return;
    out.append(R"(<h:ServerVersionInfo MajorVersion=")").append(std::to_string(p.major));
    out.append(R"(" MinorVersion=")").append(std::to_string(p.minor));
    if (p.major_build >= 0) {
        out.append(R"(" MajorBuildNumber=")").append(std::to_string(p.major_build));
        out.append(R"(" MinorBuildNumber=")").append(std::to_string(p.minor_build));
    }
    out.append(R"(" Version=")").append(p.version);
    out.append(R"(" xmlns:h=")").append(types_namespace).append(R"(" xmlns=")").append(types_namespace);
    out.append(R"("/>)");
}

void open_envelope(std::string& out)
{
    out.append(declaration).append(R"(<s:Envelope xmlns:s=")").append(soap_namespace).append("\">");
}

} // namespace

void open_request(soap_request& request)
{
    auto& text = request.text;
    if (text.find("<!DOCTYPE") != text.npos || !is_xml_text(text) || has_illegal_reference(text))
        refuse_schema("The document is not allowed.");
    // White space is a text like any other where it is all that an element holds.
    const auto parsed = request.document.load_buffer_inplace(
        text.data(), text.size(), pugi::parse_default | pugi::parse_ws_pcdata_single, pugi::encoding_utf8);
    const auto root = request.document.document_element();
    if (!parsed || local_name(root) != "Envelope" || namespace_of(root) != soap_namespace)
        refuse_schema("The document is no SOAP envelope.");
    const auto body = child(root, "Body");
    request.operation = first_element(body);
    if (!request.operation)
        refuse_request("ErrorInvalidRequest", "The request is invalid: its body is empty.");
    request.name = local_name(request.operation);
    if (request.name == "GetUserAvailabilityRequest")
        request.name = "GetUserAvailability";
}

void check_request(soap_request& request, const product& p)
{
    read_header(request, child(request.document.document_element(), "Header"), p);
    if (namespace_of(request.operation) != messages_namespace)
        refuse_request("ErrorInvalidRequest", "The request is invalid: no such operation.");
    check_schema_order(request.operation);
}

std::string budget_of(const soap_request& request)
{
    const auto header = child(child(request.document.document_element(), "Header"), "ExchangeImpersonation");
    return ascii_lower(trim(text_of(first_element(child(header, "ConnectingSID")))));
}

std::vector<std::string> mailboxes_of(const soap_request& request)
{
    std::vector<std::string> found;
    if (auto who = budget_of(request); !who.empty())
        found.push_back(std::move(who));
    if (request.name == "GetUserAvailability")
        for (const auto entry : elements(child(request.operation, "MailboxDataArray")))
            found.push_back(ascii_lower(child_text(child(entry, "Email"), "Address")));
    return found;
}

void put_message_xml(std::string& out, const refusal& r, std::string_view prefix)
{
    if (r.values.empty())
        return;
    out.append("<").append(prefix).append(":MessageXml");
    if (prefix == "t")
        out.append(R"( xmlns:t=")").append(types_namespace).append("\"");
    out.append(">");
    for (const auto& [name, value] : r.values) {
        out.append("<t:Value");
        put_attribute(out, "Name", name);
        out.append(">");
        escape_to(out, value);
        out.append("</t:Value>");
    }
    out.append("</").append(prefix).append(":MessageXml>");
}

std::string fault_envelope(const refusal& r, const fault_form& form)
{
    using enum fault_form::faultcode;
    std::string out;
    open_envelope(out);
    out.append("<s:Body><s:Fault><faultcode");
    if (form.code == prefixed)
        out.append(R"( xmlns:a=")").append(types_namespace).append(R"(">a:)").append(r.code);
    else
        out.append(">").append(form.code == bare ? std::string_view(r.code) : std::string_view("s:Server"));
    out.append(R"(</faultcode><faultstring xml:lang="en-US">)");
    escape_to(out, r.text);
    out.append("</faultstring>");
    if (form.detail) {
        out.append(R"(<detail><e:ResponseCode xmlns:e=")").append(errors_namespace).append("\">");
        out.append(r.code);
        out.append(R"(</e:ResponseCode><e:Message xmlns:e=")").append(errors_namespace).append("\">");
        escape_to(out, r.text);
        out.append("</e:Message>");
        put_message_xml(out, r, "t");
        out.append("</detail>");
    }
    return out.append("</s:Fault></s:Body></s:Envelope>");
}

std::string envelope(const product& p, std::string_view body)
{
    std::string out;
    out.reserve(body.size() + 1024);
    open_envelope(out);
    out.append("<s:Header>");
    put_version_info(out, p);
    out.append("</s:Header><s:Body>").append(body);
    return out.append("</s:Body></s:Envelope>");
}

answer_writer::answer_writer(const product& p, std::string_view operation, std::string_view on_error)
    : operation_(operation),
      on_error_(on_error),
      out_(envelope(p, {}))
{
    out_.resize(out_.size() - std::string_view("</s:Body></s:Envelope>").size());
    out_.append("<m:").append(operation).append(R"(Response xmlns:m=")").append(messages_namespace);
    out_.append(R"(" xmlns:t=")").append(types_namespace).append(R"("><m:ResponseMessages>)");
}

void answer_writer::begin(std::string_view response_class, std::string_view code, std::string_view text)
{
    out_.append("<m:")
        .append(operation_)
        .append(R"(ResponseMessage ResponseClass=")")
        .append(response_class)
        .append("\">");
    if (!text.empty()) {
        out_.append("<m:MessageText>");
        escape_to(out_, text);
        out_.append("</m:MessageText>");
    }
    out_.append("<m:ResponseCode>").append(code).append("</m:ResponseCode>");
    if (response_class != "Success")
        out_.append("<m:DescriptiveLinkKey>0</m:DescriptiveLinkKey>");
}

void answer_writer::end()
{
    out_.append("</m:").append(operation_).append("ResponseMessage>");
}

void answer_writer::error(const refusal& r)
{
    begin("Error", r.code,
          r.text.empty() ? std::string_view("The operation failed.") : std::string_view(r.text));
    put_message_xml(out_, r, "m");
    out_.append(on_error_);
    end();
}

std::string answer_writer::finish() &&
{
    out_.append("</m:ResponseMessages></m:").append(operation_).append("Response></s:Body></s:Envelope>");
    return std::move(out_);
}

} // namespace relay::exchange_sim
