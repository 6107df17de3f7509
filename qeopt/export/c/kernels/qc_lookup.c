/* Functions that are looked up: `weights` holds a byte for every value of the input, the least one first. */
#include "qc_core.h"

void qc_lookup(const qc_layer *layer, uint8_t *const *memory) {
  const uint8_t *values = qc_at(&layer->in, memory);
  const uint32_t count = (uint32_t)layer->height * layer->width * layer->channels;
  const int32_t first = layer->in.is_signed ? 1 << (layer->in.bits - 1) : 0;
  qc_writer writer = qc_write_to(&layer->out, memory);
  uint32_t i;
  for (i = 0; i < count; i++) qc_put(&writer, layer->weights[qc_of(&layer->in, values, i) + first]);
  qc_end(&writer);
}
