#include "json/scan.h"
