// SPDX-License-Identifier: Apache-2.0
// Stands in for libcurl in a bundle. Debian's HDF5 names these eight functions for its reader of S3
// objects, which Sovren never opens; each says "not available" in libcurl's own terms, and HDF5
// then reports that the file cannot be opened.
#include <stddef.h>

enum { curl_failed_init = 2 };

int curl_global_init(long flags) {
  (void)flags;
  return curl_failed_init;
}
void curl_global_cleanup(void) {}
void* curl_easy_init(void) {
  return NULL;
}
void curl_easy_cleanup(void* handle) {
  (void)handle;
}
int curl_easy_perform(void* handle) {
  (void)handle;
  return curl_failed_init;
}
int curl_easy_setopt(void* handle, int option, ...) {
  (void)handle;
  (void)option;
  return curl_failed_init;
}
void* curl_slist_append(void* list, const char* text) {
  (void)list;
  (void)text;
  return NULL;
}
void curl_slist_free_all(void* list) {
  (void)list;
}
