#include "common/tls/x509.hpp"

#ifdef _WIN32
#include <windows.h>
#include <winsock2.h>
// wincrypt.h defines macros with OpenSSL's names; OpenSSL's headers above were read first, and only these are used below.
#include <wincrypt.h>
#endif

namespace relay::tls {

#ifdef _WIN32

bool add_system_store(X509_STORE* store)
{
    const HCERTSTORE roots = CertOpenSystemStoreW(0, L"ROOT");
    if (!roots)
        return false;
    bool any = false;
    for (PCCERT_CONTEXT one = nullptr; (one = CertEnumCertificatesInStore(roots, one)) != nullptr;) {
        const unsigned char* bytes = one->pbCertEncoded;
        const x509_ptr certificate(d2i_X509(nullptr, &bytes, static_cast<long>(one->cbCertEncoded)));
        any = (certificate && X509_STORE_add_cert(store, certificate.get()) == 1) || any;
    }
    CertCloseStore(roots, 0);
    return any;
}

#else

bool add_system_store(X509_STORE* store)
{
    return X509_STORE_set_default_paths(store) == 1;
}

#endif

} // namespace relay::tls
