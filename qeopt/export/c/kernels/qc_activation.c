/* Values in units and the range of the output: functions by themselves. */
#include "qc_core.h"

void qc_activation(const qc_layer *layer, uint8_t *const *memory) {
  const uint8_t *values = qc_at(&layer->in, memory);
  const uint32_t count = (uint32_t)layer->height * layer->width * layer->channels;
  qc_writer writer = qc_write_to(&layer->out, memory);
  uint32_t i;
  for (i = 0; i < count; i++)
    qc_put(&writer, qc_scale(qc_of(&layer->in, values, i), layer->scales[0], layer->shifts[0], layer));
  qc_end(&writer);
}
