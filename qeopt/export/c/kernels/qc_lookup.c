/* Functions that are looked up: `weights` holds a byte for every value of the input, the least one first; where `is_joined`, so for
 * each channel. */
#include "qc_core.h"

void qc_lookup(const qc_layer *layer, uint8_t *const *memory) {
  const uint8_t *values = qc_at(&layer->in, memory);
  const uint32_t count = (uint32_t)layer->height * layer->width * layer->channels;
  const int32_t first = layer->in.is_signed ? 1 << (layer->in.bits - 1) : 0;
  qc_writer writer = qc_write_to(&layer->out, memory);
  const uint32_t apart = layer->is_joined ? 1u << layer->in.bits : 0;
  const uint8_t *table = layer->weights + first;
  uint32_t i, channel = 0;
  for (i = 0; i < count; i++) {
    qc_put(&writer, table[qc_of(&layer->in, values, i)]);
    table += apart;
    if (++channel == layer->channels) {
      channel = 0;
      table = layer->weights + first;
    }
  }
  qc_end(&writer);
}
