// Each request against Microsoft's own schema of Exchange 2013 SP1, the version that all of them name.
#include "tests/unit/ews/request_samples.hpp"

#include <catch2/catch.hpp>
#include <libxml/parser.h>
#include <libxml/xmlschemas.h>

#include <cstdarg>
#include <cstdio>
#include <filesystem>
#include <memory>

using namespace relay;

namespace {

template <auto Free>
struct freed_by {
    template <class T>
    void operator()(T* p) const
    {
        Free(p);
    }
};
template <class T, auto Free>
using owned = std::unique_ptr<T, freed_by<Free>>;

void collect(void* text, const char* format, ...)
{
    char line[1024];
    va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    *static_cast<std::string*>(text) += line;
}

class schema {
public:
    explicit schema(const std::string& file)
    {
        const owned<xmlSchemaParserCtxt, xmlSchemaFreeParserCtxt> parser(
            xmlSchemaNewParserCtxt(file.c_str()));
        schema_.reset(xmlSchemaParse(parser.get()));
        REQUIRE(schema_ != nullptr);
    }

    // Empty where `xml` is valid.
    std::string complaints(const std::string& xml) const
    {
        std::string text;
        const owned<xmlDoc, xmlFreeDoc> document(xmlReadMemory(xml.data(), static_cast<int>(xml.size()),
                                                               "request.xml", nullptr,
                                                               XML_PARSE_NONET | XML_PARSE_NOERROR));
        if (!document)
            return "not well-formed";
        const owned<xmlSchemaValidCtxt, xmlSchemaFreeValidCtxt> check(xmlSchemaNewValidCtxt(schema_.get()));
        xmlSchemaSetValidErrors(check.get(), collect, collect, &text);
        const int rc = xmlSchemaValidateDoc(check.get(), document.get());
        return rc == 0 ? std::string() : text + "rc " + std::to_string(rc);
    }

private:
    owned<xmlSchema, xmlSchemaFree> schema_;
};

} // namespace

TEST_CASE("every request is valid against the schema that it names", "[unit][ews]")
{
    const std::filesystem::path file = RELAY_EWS_FACTS "/schema/exchange2013_sp1/envelope.xsd";
    if (!std::filesystem::exists(file)) {
        WARN("skipped: Microsoft's schemas are not beside the project");
        return;
    }
    const schema exchange2013_sp1(file.string());
    REQUIRE_FALSE(
        exchange2013_sp1.complaints(test::envelope("<m:CreateItem/>")).empty()); // it does find mistakes
    for (const auto& request : test::all_requests()) {
        CAPTURE(request.what, request.xml);
        CHECK(exchange2013_sp1.complaints(request.xml) == "");
    }
    xmlCleanupParser();
}
